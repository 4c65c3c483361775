#include "lua/graph_writer.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "lua/lua_text.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// A Lua function has at most 200 locals.
constexpr size_t kMostLocals = 150;

using Names = absl::btree_map<std::string, std::string>;  // how a node or a param is called

// The nodes that wires in `inputs` come from.
void AddSources(const Ordered<InputDef>& inputs, std::set<std::string>& sources) {
  for (const auto& [name, input] : inputs) {
    if (const Wire* wire = input.wire()) sources.insert(wire->node);
    if (const std::vector<Wire>* wires = input.wires()) {
      for (const Wire& wire : *wires) sources.insert(wire.node);
    }
  }
}

void AddSources(const NodeDef& node, std::set<std::string>& sources) {
  AddSources(node.inputs, sources);
  AddSources(node.carry, sources);
  for (const auto& body : {node.body, node.else_body}) {
    if (body == nullptr) continue;
    for (const auto& [id, inner] : body->nodes) AddSources(inner, sources);
    AddSources(body->next, sources);
    AddSources(body->collect, sources);
    AddSources(body->outputs, sources);
  }
}

size_t CountNodes(const Ordered<NodeDef>& nodes) {
  size_t count = nodes.size();
  for (const auto& [id, node] : nodes) {
    if (node.body != nullptr) count += CountNodes(node.body->nodes);
    if (node.else_body != nullptr) count += CountNodes(node.else_body->nodes);
  }
  return count;
}

// Writes one graph, or a composite inside of one.
class Writer {
 public:
  explicit Writer(const GraphDef& graph) : graph_(graph) {
    AddSources(graph.outputs, used_);
    for (const auto& [id, node] : graph.nodes) AddSources(node, used_);
    many_ = CountNodes(graph.nodes) + graph.params.size() > kMostLocals;
  }

  absl::StatusOr<std::string> Write(int indent) {
    Describe(indent);
    for (const auto& [name, composite] : graph_.composites) {
      Writer inner(*composite);
      absl::StatusOr<std::string> body = inner.Write(indent + 2);
      if (!body.ok()) return body.status();
      Line(indent, absl::StrCat("weft.composite(", QuoteLua(name), ", function()\n", *body,
                                Margin(indent), "end)"));
      text_ += '\n';
    }
    if (many_) Line(indent, "local at = {}  -- more than a function may have locals");
    Params(indent);
    WEFT_RETURN_IF_ERROR(Nodes(graph_.nodes, Names(), indent));
    return Outputs(indent);
  }

 private:
  static std::string Margin(int indent) { return std::string(static_cast<size_t>(indent), ' '); }
  void Line(int indent, absl::string_view line) {
    absl::StrAppend(&text_, Margin(indent), line, "\n");
  }

  void Describe(int indent) {
    std::vector<std::string> members;
    if (!graph_.title.empty()) members.push_back(absl::StrCat("title = ", LuaText(graph_.title)));
    if (!graph_.doc.empty()) members.push_back(absl::StrCat("doc = ", LuaText(graph_.doc)));
    if (!graph_.schema.empty())
      members.push_back(absl::StrCat("schema = ", LuaText(graph_.schema)));
    if (members.empty()) return;
    Line(indent, absl::StrCat("weft.describe", LuaTable(members, indent, Column(indent, 13))));
    text_ += '\n';
  }

  static size_t Column(int indent, size_t more) { return static_cast<size_t>(indent) + more; }

  // A local that no other visible one is called.
  std::string Fresh(const std::string& id, absl::string_view suffix) {
    std::string name;
    for (const char c : id) {
      name += absl::ascii_isalnum(static_cast<unsigned char>(c)) ? c : '_';
    }
    if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) name = "n" + name;
    if (IsLuaKeyword(name) || name == "weft" || name == "at" || name == "math") name += "_";
    if (taken_.count(name) > 0) absl::StrAppend(&name, suffix);
    const std::string stem = name;
    for (int k = 2; taken_.count(name) > 0; ++k) name = absl::StrCat(stem, "_", k);
    taken_.insert(name);
    return name;
  }
  std::string Assign(const std::string& name) const {
    return many_ ? absl::StrCat("at.", name, " = ") : absl::StrCat("local ", name, " = ");
  }
  std::string Use(const std::string& name) const { return many_ ? "at." + name : name; }

  static std::vector<std::string> ParamMembers(const ParamDef& param) {
    std::vector<std::string> members;
    if (!param.type.name.empty()) {
      members.push_back(absl::StrCat("type = ", QuoteLua(param.type.ToString())));
    }
    if (!param.like.empty()) members.push_back(absl::StrCat("like = ", QuoteLua(param.like)));
    if (param.fallback.has_value()) {
      members.push_back(absl::StrCat("default = ", LuaLiteral(*param.fallback)));
    }
    if (param.min.has_value()) members.push_back(absl::StrCat("min = ", LuaBound(*param.min)));
    if (param.max.has_value()) members.push_back(absl::StrCat("max = ", LuaBound(*param.max)));
    if (!param.choices.empty()) {
      std::vector<std::string> choices;
      for (const std::string& choice : param.choices) choices.push_back(QuoteLua(choice));
      members.push_back(absl::StrCat("choices = {", absl::StrJoin(choices, ", "), "}"));
    }
    if (!param.doc.empty()) members.push_back(absl::StrCat("doc = ", LuaText(param.doc)));
    return members;
  }

  void Params(int indent) {
    // Nodes have the first choice of names.
    for (const auto& [id, node] : graph_.nodes) taken_.insert(id);
    for (const auto& [name, param] : graph_.params) {
      params_[name] = Fresh(name, "_param");
      std::vector<std::string> members = ParamMembers(param);
      members.insert(members.begin(), QuoteLua(name));
      const std::string head = absl::StrCat(Assign(params_[name]), "weft.param");
      Line(indent, absl::StrCat(head, LuaTable(members, indent, Column(indent, head.size()))));
    }
    for (const auto& [id, node] : graph_.nodes) taken_.erase(id);
    for (const auto& [name, local] : params_) taken_.insert(local);
    if (!graph_.params.empty()) text_ += '\n';
  }

  absl::StatusOr<std::string> Expression(const Wire& wire, const Names& names) const {
    std::string text;
    std::vector<std::string> members = wire.fields;
    if (wire.node == "graph") {
      const auto it = params_.find(wire.port);
      if (it == params_.end()) return Invalid("the graph has no param \"", wire.port, "\"");
      text = Use(it->second);
    } else {
      const auto it = names.find(wire.node);
      if (it == names.end()) {
        return Invalid("\"", wire.ToString(), "\": there is no node \"", wire.node,
                       "\" that stands above");
      }
      text = it->second;
      if (!wire.port.empty()) members.insert(members.begin(), wire.port);
    }
    for (const std::string& member : members) text += LuaMember(member);
    return text;
  }

  absl::StatusOr<std::string> Expression(const InputDef& input, const Names& names) const {
    if (const Wire* wire = input.wire()) return Expression(*wire, names);
    const std::vector<Wire>* wires = input.wires();
    if (wires == nullptr) return LuaLiteral(*input.literal());
    std::vector<std::string> items;
    for (const Wire& wire : *wires) {
      WEFT_ASSIGN_OR_RETURN(items.emplace_back(), Expression(wire, names));
    }
    return absl::StrCat("{", absl::StrJoin(items, ", "), "}");
  }

  absl::StatusOr<std::vector<std::string>> Members(const Ordered<InputDef>& inputs,
                                                   const Names& names) const {
    std::vector<std::string> members;
    for (const auto& [name, input] : inputs) {
      absl::StatusOr<std::string> text = Expression(input, names);
      if (!text.ok()) return text.status();
      members.push_back(absl::StrCat(LuaKey(name), " = ", *text));
    }
    return members;
  }

  // Nodes in an order in which each stands below those that it names.
  static absl::StatusOr<std::vector<const std::pair<std::string, NodeDef>*>> InOrder(
      const Ordered<NodeDef>& nodes) {
    std::vector<const std::pair<std::string, NodeDef>*> waiting;
    std::set<std::string> missing;
    for (const auto& node : nodes) {
      waiting.push_back(&node);
      missing.insert(node.first);
    }
    std::vector<const std::pair<std::string, NodeDef>*> order;
    while (!waiting.empty()) {
      const auto ready = std::find_if(waiting.begin(), waiting.end(), [&](const auto* node) {
        std::set<std::string> sources;
        AddSources(node->second, sources);
        sources.erase(node->first);  // a loop's body reads the loop itself
        return std::none_of(sources.begin(), sources.end(),
                            [&](const std::string& id) { return missing.count(id) > 0; });
      });
      if (ready == waiting.end()) {
        return Invalid("nodes feed each other in a circle: \"", waiting.front()->first,
                       "\" is one of them");
      }
      order.push_back(*ready);
      missing.erase((*ready)->first);
      waiting.erase(ready);
    }
    return order;
  }

  // `names`: what can be seen from around.
  absl::Status Nodes(const Ordered<NodeDef>& nodes, Names names, int indent,
                     Names* made = nullptr) {
    WEFT_ASSIGN_OR_RETURN(const auto order, InOrder(nodes));
    std::vector<std::string> mine;
    for (const auto* node : order) {
      const std::string name = Fresh(node->first, "_node");
      mine.push_back(name);
      WEFT_RETURN_IF_ERROR(Node(node->first, node->second, name, names, indent));
      names[node->first] = Use(name);
    }
    // Bodies beside each other may use the same names.
    for (const std::string& name : mine) taken_.erase(name);
    if (made != nullptr) *made = names;
    if (made == nullptr) top_ = std::move(names);
    return absl::OkStatus();
  }

  absl::Status Node(const std::string& id, const NodeDef& node, const std::string& name,
                    const Names& names, int indent) {
    const std::string call =
        absl::StrCat(used_.count(id) > 0 ? Assign(name) : "", "weft", LuaMember(node.type));
    WEFT_ASSIGN_OR_RETURN(std::vector<std::string> members, Members(node.inputs, names));
    members.insert(members.begin(), QuoteLua(id));
    if (!node.declared_inputs.empty() || !node.declared_outputs.empty()) {
      members.push_back(absl::StrCat("ports = ", Ports(node, indent + 2)));
    }
    if (!node.carry.empty()) {
      WEFT_ASSIGN_OR_RETURN(const std::vector<std::string> carry, Members(node.carry, names));
      members.push_back(absl::StrCat("carry = ", LuaTable(carry, indent + 2, Column(indent, 10))));
    }
    if (!node.while_carry.empty()) {
      members.push_back(absl::StrCat("[\"while\"] = ", QuoteLua(node.while_carry)));
    }
    if (node.is_loop() && node.body != nullptr) {
      WEFT_ASSIGN_OR_RETURN(const std::string body,
                            LoopBody(id, name, *node.body, names, indent + 2));
      members.push_back(absl::StrCat("body = ", body));
    }
    if (node.is_if() && node.body != nullptr && node.else_body != nullptr) {
      WEFT_ASSIGN_OR_RETURN(const std::string then, IfBody(*node.body, names, indent + 2));
      WEFT_ASSIGN_OR_RETURN(const std::string otherwise,
                            IfBody(*node.else_body, names, indent + 2));
      members.push_back(absl::StrCat("[\"then\"] = ", then));
      members.push_back(absl::StrCat("[\"else\"] = ", otherwise));
    }
    Line(indent, absl::StrCat(call, LuaTable(members, indent, Column(indent, call.size()))));
    return absl::OkStatus();
  }

  static std::string Ports(const NodeDef& node, int indent) {
    std::vector<std::string> sides;
    for (const auto* ports : {&node.declared_inputs, &node.declared_outputs}) {
      if (ports->empty()) continue;
      std::vector<std::string> members;
      for (const auto& [name, param] : *ports) {
        members.push_back(
            absl::StrCat(LuaKey(name), " = {", absl::StrJoin(ParamMembers(param), ", "), "}"));
      }
      const bool inputs = ports == &node.declared_inputs;
      sides.push_back(absl::StrCat(inputs ? "inputs = " : "outputs = ",
                                   LuaTable(members, indent + 2, Column(indent, 12))));
    }
    return LuaTable(sides, indent, Column(indent, 8));
  }

  // The nodes of a body as lines of their own; `made` gets the names that its results may use.
  absl::StatusOr<std::string> BodyNodes(const BodyDef& body, const Names& names, int indent,
                                        Names& made) {
    std::string around = std::exchange(text_, "");
    absl::Status status = Nodes(body.nodes, names, indent, &made);
    std::string text = std::exchange(text_, std::move(around));
    WEFT_RETURN_IF_ERROR(status);
    return text;
  }

  absl::StatusOr<std::string> LoopBody(const std::string& id, const std::string& name,
                                       const BodyDef& body, Names names, int indent) {
    names[id] = name;  // the function's parameter, a local in any case
    Names made;
    WEFT_ASSIGN_OR_RETURN(std::string text, BodyNodes(body, names, indent + 2, made));
    std::vector<std::string> results;
    for (const auto* part : {&body.next, &body.collect}) {
      if (part->empty()) continue;
      WEFT_ASSIGN_OR_RETURN(const std::vector<std::string> members, Members(*part, made));
      results.push_back(absl::StrCat(part == &body.next ? "next = " : "collect = ",
                                     LuaTable(members, indent + 4, Column(indent, 14))));
    }
    if (!results.empty()) {
      absl::StrAppend(&text, Margin(indent + 2), "return ",
                      LuaTable(results, indent + 2, Column(indent, 9)), "\n");
    }
    return absl::StrCat("function(", name, ")\n", text, Margin(indent), "end");
  }

  absl::StatusOr<std::string> IfBody(const BodyDef& body, const Names& names, int indent) {
    Names made;
    WEFT_ASSIGN_OR_RETURN(std::string text, BodyNodes(body, names, indent + 2, made));
    WEFT_ASSIGN_OR_RETURN(const std::vector<std::string> members, Members(body.outputs, made));
    absl::StrAppend(&text, Margin(indent + 2), "return ",
                    LuaTable(members, indent + 2, Column(indent, 9)), "\n");
    return absl::StrCat("function()\n", text, Margin(indent), "end");
  }

  absl::StatusOr<std::string> Outputs(int indent) {
    if (!graph_.outputs.empty() && !graph_.nodes.empty()) text_ += '\n';
    for (const auto& [name, input] : graph_.outputs) {
      absl::StatusOr<std::string> wire = Expression(input, top_);
      if (!wire.ok()) return wire.status();
      std::vector<std::string> members = {QuoteLua(name), *std::move(wire)};
      if (const auto* bounds = FindIn(graph_.expect, name)) {
        for (const auto& [bound, x] : *bounds) {
          members.push_back(absl::StrCat(LuaKey(bound), " = ", LuaBound(x)));
        }
      }
      Line(indent, absl::StrCat("weft.output", LuaTable(members, indent, Column(indent, 11))));
    }
    for (const auto& [name, bounds] : graph_.expect) {
      if (FindIn(graph_.outputs, name) == nullptr) {
        return Invalid("\"expect\" names \"", name, "\", which is no output");
      }
    }
    return std::move(text_);
  }

  const GraphDef& graph_;
  std::string text_;
  std::set<std::string> used_;   // nodes that something names
  std::set<std::string> taken_;  // locals that can be seen
  bool many_ = false;
  Names params_;
  Names top_;  // of the graph's own nodes
};

}  // namespace

absl::StatusOr<std::string> ToLua(const GraphDef& graph) { return Writer(graph).Write(0); }

}  // namespace weft
