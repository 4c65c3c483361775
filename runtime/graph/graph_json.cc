#include "runtime/graph/graph_json.h"

#include <fstream>
#include <functional>
#include <sstream>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/json_document.h"
#include "runtime/graph/problem.h"

namespace weft {
namespace {

// Reads a tree into a GraphDef and notes all that is wrong with its form on the way.
class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  GraphDef Graph(const JsonNode& root, const std::string& path);
  std::vector<Problem> problems;

 private:
  using Handler = std::function<void(const JsonNode&, const std::string&)>;

  void Note(const JsonNode& at, const std::string& path, std::string message) {
    problems.push_back(
        {.file = file_, .line = at.line, .json_path = path, .message = std::move(message)});
  }
  static std::string Join(const std::string& path, absl::string_view key) {
    return path.empty() ? std::string(key) : absl::StrCat(path, ".", key);
  }
  // Calls the handler of each member; a member without one is a problem.
  void Members(const JsonNode& node, const std::string& path, const Ordered<Handler>& handlers);
  // The members of an object whose keys are names of the user's choosing.
  void Named(const JsonNode& node, const std::string& path,
             const std::function<void(const std::string&, const JsonNode&, const std::string&)>& f);
  std::string Text(const JsonNode& node, const std::string& path);
  std::optional<Value> Literal(const JsonNode& node, const std::string& path);
  std::optional<double> Number(const JsonNode& node, const std::string& path);
  std::optional<InputDef> WireInput(const JsonNode& node, const std::string& path);
  void Wires(const JsonNode& node, const std::string& path, bool or_null, Ordered<InputDef>& into);
  NodeDef Node(const JsonNode& node, const std::string& path);
  Ordered<NodeDef> Nodes(const JsonNode& node, const std::string& path);
  std::shared_ptr<BodyDef> Body(const JsonNode& node, const std::string& path, bool of_loop);
  ParamDef Param(const JsonNode& node, const std::string& path);

  std::string file_;
};

bool IsName(absl::string_view name) {
  if (name.empty() || name.size() > 128) return false;
  for (const char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-') return false;
  }
  return true;
}

void Reader::Members(const JsonNode& node, const std::string& path,
                     const Ordered<Handler>& handlers) {
  if (node.object() == nullptr) {
    Note(node, path, absl::StrCat("expected an object, not ", node.kind()));
    return;
  }
  for (const auto& [key, member] : *node.object()) {
    if (const Handler* handler = FindIn(handlers, key)) {
      (*handler)(member, Join(path, key));
      continue;
    }
    std::vector<std::string> known;
    for (const auto& [name, handler] : handlers) known.push_back(name);
    Note(member, Join(path, key),
         absl::StrCat("unknown key \"", key, "\"", DidYouMean(key, known)));
  }
}

void Reader::Named(
    const JsonNode& node, const std::string& path,
    const std::function<void(const std::string&, const JsonNode&, const std::string&)>& f) {
  if (node.object() == nullptr) {
    Note(node, path, absl::StrCat("expected an object, not ", node.kind()));
    return;
  }
  for (const auto& [name, member] : *node.object()) {
    if (!IsName(name)) {
      Note(member, Join(path, name),
           "names are made of letters, digits, \"_\" and \"-\", at most 128 of them");
      continue;
    }
    f(name, member, Join(path, name));
  }
}

std::string Reader::Text(const JsonNode& node, const std::string& path) {
  if (node.text() != nullptr) return *node.text();
  Note(node, path, absl::StrCat("expected text, not ", node.kind()));
  return "";
}

std::optional<double> Reader::Number(const JsonNode& node, const std::string& path) {
  if (const Value* value = node.scalar()) {
    if (value->AsFloat() != nullptr) return *value->AsFloat();
    if (value->AsInt() != nullptr) return static_cast<double>(*value->AsInt());
  }
  Note(node, path, absl::StrCat("expected a number, not ", node.kind()));
  return std::nullopt;
}

std::optional<Value> Reader::Literal(const JsonNode& node, const std::string& path) {
  if (const Value* value = node.scalar()) return *value;
  if (const JsonNode::Array* items = node.array()) {
    List list;
    for (const JsonNode& item : *items) {
      std::optional<Value> value = Literal(item, path);
      if (!value.has_value()) return std::nullopt;
      list.push_back(*std::move(value));
    }
    return Value(std::move(list));
  }
  Note(node, path, "a literal is a number, text, true, false, null or a list of them");
  return std::nullopt;
}

std::optional<InputDef> Reader::WireInput(const JsonNode& node, const std::string& path) {
  const auto parse = [&](const JsonNode& item) -> std::optional<Wire> {
    if (item.text() == nullptr) {
      Note(item, path,
           absl::StrCat("a wire is text such as \"node.port\", not ", item.kind(),
                        "; literals go into \"params\""));
      return std::nullopt;
    }
    Wire wire = Wire::Parse(*item.text());
    bool good = IsName(wire.node) && (wire.port.empty() || IsName(wire.port));
    for (const std::string& field : wire.fields) good = good && IsName(field);
    if (!good || absl::EndsWith(*item.text(), ".")) {
      Note(item, path,
           absl::StrCat("\"", *item.text(), "\" is not a wire: expected \"node\" or ",
                        "\"node.port\"; literals go into \"params\""));
      return std::nullopt;
    }
    return wire;
  };
  InputDef input;
  input.line = node.line;
  if (node.array() == nullptr) {
    std::optional<Wire> wire = parse(node);
    if (!wire.has_value()) return std::nullopt;
    input.source = *std::move(wire);
    return input;
  }
  std::vector<Wire> wires;
  for (const JsonNode& item : *node.array()) {
    std::optional<Wire> wire = parse(item);
    if (!wire.has_value()) return std::nullopt;
    wires.push_back(*std::move(wire));
  }
  input.source = std::move(wires);
  return input;
}

void Reader::Wires(const JsonNode& node, const std::string& path, bool or_null,
                   Ordered<InputDef>& into) {
  Named(node, path, [&](const std::string& name, const JsonNode& member, const std::string& at) {
    if (or_null && member.scalar() != nullptr && member.text() == nullptr) {
      into.emplace_back(name, InputDef{.source = *member.scalar(), .line = member.line});
    } else if (std::optional<InputDef> input = WireInput(member, at)) {
      into.emplace_back(name, *std::move(input));
    }
  });
}

NodeDef Reader::Node(const JsonNode& node, const std::string& path) {
  NodeDef def;
  def.line = node.line;
  const JsonNode* type = node.Find("type");
  if (type == nullptr) {
    Note(node, path, "a node needs a \"type\"");
  } else {
    def.type = Text(*type, Join(path, "type"));
  }
  Ordered<InputDef> literals;
  Ordered<Handler> handlers = {
      {"type", [](const JsonNode&, const std::string&) {}},
      {"inputs", [&](const JsonNode& m, const std::string& p) { Wires(m, p, false, def.inputs); }},
      {"params", [&](const JsonNode& m, const std::string& p) {
         Named(m, p, [&](const std::string& name, const JsonNode& member, const std::string& at) {
           if (std::optional<Value> value = Literal(member, at)) {
             literals.emplace_back(name,
                                   InputDef{.source = *std::move(value), .line = member.line});
           }
         });
       }}};
  if (def.is_loop()) {
    handlers.emplace_back(
        "carry", [&](const JsonNode& m, const std::string& p) { Wires(m, p, true, def.carry); });
    handlers.emplace_back(
        "while", [&](const JsonNode& m, const std::string& p) { def.while_carry = Text(m, p); });
    handlers.emplace_back(
        "body", [&](const JsonNode& m, const std::string& p) { def.body = Body(m, p, true); });
  } else if (def.is_if()) {
    handlers.emplace_back(
        "then", [&](const JsonNode& m, const std::string& p) { def.body = Body(m, p, false); });
    handlers.emplace_back("else", [&](const JsonNode& m, const std::string& p) {
      def.else_body = Body(m, p, false);
    });
  }
  if (!def.is_loop() && !def.is_if()) {
    const auto ports = [this](Ordered<ParamDef>& into) {
      return [this, &into](const JsonNode& m, const std::string& p) {
        Named(m, p, [&](const std::string& name, const JsonNode& port, const std::string& at) {
          into.emplace_back(name, Param(port, at));
        });
      };
    };
    handlers.emplace_back("ports", [this, &def, ports](const JsonNode& m, const std::string& p) {
      Members(m, p,
              {{"inputs", ports(def.declared_inputs)}, {"outputs", ports(def.declared_outputs)}});
    });
  }
  Members(node, path, handlers);
  absl::flat_hash_set<std::string> wired;
  for (const auto& [name, wire] : def.inputs) wired.insert(name);
  for (auto& [name, literal] : literals) {
    if (wired.contains(name)) {
      Note(node, Join(Join(path, "params"), name),
           absl::StrCat("\"", name, "\" is fed twice: by a wire and by a literal"));
    } else {
      def.inputs.emplace_back(name, std::move(literal));
    }
  }
  if (def.is_loop() && def.body == nullptr) Note(node, path, "a Loop needs a \"body\"");
  if (def.is_if() && (def.body == nullptr || def.else_body == nullptr)) {
    Note(node, path, "an If needs a \"then\" and an \"else\"");
  }
  return def;
}

Ordered<NodeDef> Reader::Nodes(const JsonNode& node, const std::string& path) {
  Ordered<NodeDef> nodes;
  Named(node, path, [&](const std::string& id, const JsonNode& member, const std::string& at) {
    if (id == "graph") {
      Note(member, at, "\"graph\" is reserved: it names the graph's own params");
      return;
    }
    nodes.emplace_back(id, Node(member, at));
  });
  return nodes;
}

std::shared_ptr<BodyDef> Reader::Body(const JsonNode& node, const std::string& path, bool of_loop) {
  auto body = std::make_shared<BodyDef>();
  body->line = node.line;
  Ordered<Handler> handlers = {
      {"nodes", [&](const JsonNode& m, const std::string& p) { body->nodes = Nodes(m, p); }}};
  if (of_loop) {
    handlers.emplace_back(
        "next", [&](const JsonNode& m, const std::string& p) { Wires(m, p, false, body->next); });
    handlers.emplace_back("collect", [&](const JsonNode& m, const std::string& p) {
      Wires(m, p, false, body->collect);
    });
  } else {
    handlers.emplace_back("outputs", [&](const JsonNode& m, const std::string& p) {
      Wires(m, p, false, body->outputs);
    });
  }
  Members(node, path, handlers);
  return body;
}

ParamDef Reader::Param(const JsonNode& node, const std::string& path) {
  ParamDef param;
  param.line = node.line;
  Members(node, path,
          {{"type",
            [&](const JsonNode& m, const std::string& p) { param.type = Type::Parse(Text(m, p)); }},
           {"like", [&](const JsonNode& m, const std::string& p) { param.like = Text(m, p); }},
           {"default",
            [&](const JsonNode& m, const std::string& p) { param.fallback = Literal(m, p); }},
           {"min", [&](const JsonNode& m, const std::string& p) { param.min = Number(m, p); }},
           {"max", [&](const JsonNode& m, const std::string& p) { param.max = Number(m, p); }},
           {"choices",
            [&](const JsonNode& m, const std::string& p) {
              if (m.array() == nullptr) return Note(m, p, "expected a list of text");
              for (const JsonNode& item : *m.array()) param.choices.push_back(Text(item, p));
            }},
           {"doc", [&](const JsonNode& m, const std::string& p) { param.doc = Text(m, p); }}});
  if (param.type.name.empty() == param.like.empty()) {
    Note(node, path, "a param needs either a \"type\" or a \"like\"");
  }
  return param;
}

GraphDef Reader::Graph(const JsonNode& root, const std::string& path) {
  GraphDef graph;
  graph.file = file_;
  const JsonNode* version = root.Find("weft");
  const int64_t* number =
      version != nullptr && version->scalar() != nullptr ? version->scalar()->AsInt() : nullptr;
  if (root.object() == nullptr) {
    Note(root, path, absl::StrCat("a graph is an object, not ", root.kind()));
    return graph;
  }
  if (number == nullptr || *number != kGraphVersion) {
    Note(
        version != nullptr ? *version : root, Join(path, "weft"),
        version == nullptr
            ? absl::StrCat("a graph needs \"weft\": ", kGraphVersion, ", the version of its format")
            : absl::StrCat("this is not version ", kGraphVersion,
                           " of the graph format, the only one that this weft reads"));
    return graph;  // whatever follows may mean something else
  }
  Members(
      root, path,
      {{"$schema", [&](const JsonNode& m, const std::string& p) { graph.schema = Text(m, p); }},
       {"weft", [](const JsonNode&, const std::string&) {}},
       {"title", [&](const JsonNode& m, const std::string& p) { graph.title = Text(m, p); }},
       {"doc", [&](const JsonNode& m, const std::string& p) { graph.doc = Text(m, p); }},
       {"params",
        [&](const JsonNode& m, const std::string& p) {
          Named(m, p, [&](const std::string& name, const JsonNode& n, const std::string& at) {
            graph.params.emplace_back(name, Param(n, at));
          });
        }},
       {"nodes", [&](const JsonNode& m, const std::string& p) { graph.nodes = Nodes(m, p); }},
       {"outputs",
        [&](const JsonNode& m, const std::string& p) { Wires(m, p, false, graph.outputs); }},
       {"expect",
        [&](const JsonNode& m, const std::string& p) {
          Named(m, p, [&](const std::string& name, const JsonNode& n, const std::string& at) {
            auto& bounds = graph.expect.emplace_back(name, absl::btree_map<std::string, double>{});
            Named(n, at, [&](const std::string& bound, const JsonNode& x, const std::string& a) {
              if (std::optional<double> value = Number(x, a)) bounds.second[bound] = *value;
            });
          });
        }},
       {"composites", [&](const JsonNode& m, const std::string& p) {
          Named(m, p, [&](const std::string& name, const JsonNode& n, const std::string& at) {
            graph.composites[name] = std::make_shared<GraphDef>(Graph(n, at));
          });
        }}});
  return graph;
}

}  // namespace

absl::StatusOr<GraphDef> ParseGraphJson(absl::string_view text, const std::string& file) {
  absl::StatusOr<JsonNode> root = ParseJsonDocument(text);
  if (!root.ok()) {
    return ToStatus({{.file = file, .message = std::string(root.status().message())}});
  }
  Reader reader(file);
  GraphDef graph = reader.Graph(*root, "");
  if (!reader.problems.empty()) return ToStatus(reader.problems);
  return graph;
}

absl::StatusOr<GraphDef> LoadGraphJson(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot read the graph"));
  }
  return ParseGraphJson(text.str(), path);
}

}  // namespace weft
