#include "runtime/graph/graph_builder.h"

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/declared_ports.h"
#include "runtime/graph/plan.h"
#include "runtime/graph/signature.h"

namespace weft {
namespace {

PortSpec Named(std::string name) {
  PortSpec port;
  port.name = std::move(name);
  port.type = Type{"any"};
  return port;
}

std::vector<PortSpec> OutputsOfControl(const NodeDef& node, bool inside) {
  std::vector<PortSpec> ports;
  if (node.is_if()) {
    for (const auto& [name, output] : node.body->outputs) ports.push_back(Named(name));
    return ports;
  }
  if (inside && FindIn(node.inputs, "over") != nullptr) ports.push_back(Named("item"));
  if (inside) ports.push_back(Named("index"));
  for (const auto& [name, carry] : node.carry) ports.push_back(Named(name));
  if (inside) return ports;
  for (const auto& [name, item] : node.body->collect) ports.push_back(Named(name));
  return ports;
}

}  // namespace

std::string SnakeCase(absl::string_view type) {
  std::string id;
  for (size_t i = 0; i < type.size(); ++i) {
    const auto c = static_cast<unsigned char>(type[i]);
    // A capital begins a word, unless it goes on with an abbreviation: "DDIMScheduler".
    const bool begins =
        absl::ascii_isupper(c) && i > 0 &&
        (absl::ascii_islower(static_cast<unsigned char>(type[i - 1])) ||
         (i + 1 < type.size() && absl::ascii_islower(static_cast<unsigned char>(type[i + 1]))));
    if (begins) id += '_';
    id += absl::ascii_tolower(c);
  }
  return id;
}

absl::Status GraphBuilder::AddParam(const std::string& name, ParamDef param) {
  if (FindIn(graph_.params, name) != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat("the graph has a param \"", name, "\" already"));
  }
  const std::string path = absl::StrCat("params.", name);
  graph_.params.emplace_back(name, std::move(param));
  std::vector<Problem> mine;
  for (Problem& problem : ProblemsWithoutValues(graph_, registry_, composites_)) {
    // A `like` may name a node that is still to come.
    const bool later = !graph_.params.back().second.like.empty();
    if (absl::StartsWith(problem.json_path, path) && !later) mine.push_back(std::move(problem));
  }
  if (!mine.empty()) graph_.params.pop_back();
  return ToStatus(mine);
}

bool GraphBuilder::IsTaken(const std::string& id) const {
  if (FindIn(graph_.nodes, id) != nullptr) return true;
  return std::any_of(open_.begin(), open_.end(),
                     [&id](const Open& open) { return FindIn(open.body->nodes, id) != nullptr; });
}

NodeDef& GraphBuilder::OpenNode() {
  Ordered<NodeDef>& nodes = *open_.back().around;
  return nodes.back().second;  // a body is open only while its node is the last one
}

absl::StatusOr<std::string> GraphBuilder::Append(std::string id, NodeDef node) {
  if (id == "graph") return Invalid("\"graph\" is reserved: it names the graph's own params");
  if (!id.empty() && FindIn(Here(), id) != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat("there is a node \"", id, "\" already"));
  }
  if (id.empty()) {
    const std::string stem = SnakeCase(node.type);
    id = stem;
    for (int k = 2; IsTaken(id); ++k) id = absl::StrCat(stem, "_", k);
  }
  Here().emplace_back(id, std::move(node));
  return id;
}

absl::Status GraphBuilder::Check(const std::string& id, bool with_results) {
  std::string path;
  for (const Open& open : open_) absl::StrAppend(&path, open.id, "/");
  absl::StrAppend(&path, id);
  std::vector<Problem> mine;
  for (Problem& problem : ProblemsWithoutValues(graph_, registry_, composites_)) {
    if (problem.node != path && !absl::StartsWith(problem.node, path + "/")) continue;
    // What the body gives is not known before it is closed.
    if (!with_results && absl::StartsWith(problem.port, "carry.")) continue;
    mine.push_back(std::move(problem));
  }
  return ToStatus(mine);
}

absl::StatusOr<std::string> GraphBuilder::AddNode(std::string id, NodeDef node) {
  WEFT_ASSIGN_OR_RETURN(std::string given, Append(std::move(id), std::move(node)));
  if (absl::Status status = Check(given, true); !status.ok()) {
    Here().pop_back();
    return status;
  }
  return given;
}

absl::StatusOr<std::string> GraphBuilder::OpenControl(std::string id, NodeDef node) {
  node.body = std::make_shared<BodyDef>();
  node.body->line = node.line;
  if (node.is_if()) node.else_body = std::make_shared<BodyDef>();
  WEFT_ASSIGN_OR_RETURN(std::string given, Append(std::move(id), std::move(node)));
  if (absl::Status status = Check(given, false); !status.ok()) {
    Here().pop_back();
    return status;
  }
  Ordered<NodeDef>& around = Here();
  open_.push_back({given, &around, around.back().second.body.get()});
  return given;
}

absl::StatusOr<std::string> GraphBuilder::OpenLoop(std::string id, NodeDef loop) {
  loop.type = "Loop";
  return OpenControl(std::move(id), std::move(loop));
}

absl::StatusOr<std::string> GraphBuilder::OpenIf(std::string id, NodeDef conditional) {
  conditional.type = "If";
  return OpenControl(std::move(id), std::move(conditional));
}

absl::Status GraphBuilder::CloseLoop(Ordered<InputDef> next, Ordered<InputDef> collect) {
  if (open_.empty() || !OpenNode().is_loop()) return Invalid("no Loop is open here");
  BodyDef& body = *open_.back().body;
  body.next = std::move(next);
  body.collect = std::move(collect);
  const std::string id = open_.back().id;
  open_.pop_back();
  absl::Status status = Check(id, true);
  if (!status.ok()) Here().pop_back();
  return status;
}

absl::Status GraphBuilder::Else(Ordered<InputDef> then_outputs) {
  if (open_.empty() || !OpenNode().is_if() || open_.back().in_else) {
    return Invalid("no If is open here");
  }
  open_.back().body->outputs = std::move(then_outputs);
  open_.back().body = OpenNode().else_body.get();
  open_.back().in_else = true;
  return absl::OkStatus();
}

absl::Status GraphBuilder::CloseIf(Ordered<InputDef> else_outputs) {
  if (open_.empty() || !open_.back().in_else) return Invalid("no If is open here");
  open_.back().body->outputs = std::move(else_outputs);
  const std::string id = open_.back().id;
  open_.pop_back();
  absl::Status status = Check(id, true);
  if (!status.ok()) Here().pop_back();
  return status;
}

void GraphBuilder::Abandon() {
  if (open_.empty()) return;
  Ordered<NodeDef>& around = *open_.back().around;
  open_.pop_back();
  around.pop_back();
}

absl::Status GraphBuilder::AddOutput(const std::string& name, InputDef output) {
  if (FindIn(graph_.outputs, name) != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat("the graph has an output \"", name, "\" already"));
  }
  graph_.outputs.emplace_back(name, std::move(output));
  std::vector<Problem> mine;
  for (Problem& problem : ProblemsWithoutValues(graph_, registry_, composites_)) {
    if (problem.json_path == absl::StrCat("outputs.", name)) mine.push_back(std::move(problem));
  }
  if (!mine.empty()) graph_.outputs.pop_back();
  return ToStatus(mine);
}

absl::StatusOr<std::vector<PortSpec>> GraphBuilder::OutputsOf(const std::string& id) {
  for (auto open = open_.rbegin(); open != open_.rend(); ++open) {
    if (open->id == id) return OutputsOfControl(open->around->back().second, true);
  }
  const NodeDef* node = nullptr;
  for (auto open = open_.rbegin(); open != open_.rend() && node == nullptr; ++open) {
    node = FindIn(open->body->nodes, id);
  }
  if (node == nullptr) node = FindIn(graph_.nodes, id);
  if (node == nullptr) return absl::NotFoundError(absl::StrCat("there is no node \"", id, "\""));
  if (node->is_loop() || node->is_if()) return OutputsOfControl(*node, false);
  if (std::shared_ptr<const NodeType> type = registry_.Find(node->type)) {
    WEFT_ASSIGN_OR_RETURN(type, WithDeclaredPorts(std::move(type), *node));
    return type->contract.outputs;
  }
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const GraphDef> composite,
                        composites_.Find(node->type, graph_));
  WEFT_ASSIGN_OR_RETURN(const Contract contract,
                        CompositeContract(node->type, *composite, registry_, composites_));
  return contract.outputs;
}

}  // namespace weft
