#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/graph/graph_json.h"
#include "runtime/graph/value_json.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

Json ToJsonInput(const InputDef& input) {
  if (const Wire* wire = input.wire()) return wire->ToString();
  if (const std::vector<Wire>* wires = input.wires()) {
    Json json = Json::array();
    for (const Wire& wire : *wires) json.push_back(wire.ToString());
    return json;
  }
  return ToJsonValue(*input.literal());
}

Json ToJsonInputs(const Ordered<InputDef>& inputs) {
  Json json = Json::object();
  for (const auto& [name, input] : inputs) json[name] = ToJsonInput(input);
  return json;
}

Json ToJsonNodes(const Ordered<NodeDef>& nodes);

Json ToJsonBody(const BodyDef& body) {
  Json json = {{"nodes", ToJsonNodes(body.nodes)}};
  if (!body.next.empty()) json["next"] = ToJsonInputs(body.next);
  if (!body.collect.empty()) json["collect"] = ToJsonInputs(body.collect);
  if (!body.outputs.empty()) json["outputs"] = ToJsonInputs(body.outputs);
  return json;
}

Json ToJsonParam(const ParamDef& param) {
  Json json = Json::object();
  if (!param.type.name.empty()) json["type"] = param.type.ToString();
  if (!param.like.empty()) json["like"] = param.like;
  if (param.fallback.has_value()) json["default"] = ToJsonValue(*param.fallback);
  if (param.min.has_value()) json["min"] = *param.min;
  if (param.max.has_value()) json["max"] = *param.max;
  if (!param.choices.empty()) json["choices"] = param.choices;
  if (!param.doc.empty()) json["doc"] = param.doc;
  return json;
}

Json ToJsonParams(const Ordered<ParamDef>& params) {
  Json json = Json::object();
  for (const auto& [name, param] : params) json[name] = ToJsonParam(param);
  return json;
}

Json ToJsonNode(const NodeDef& node) {
  Json json = {{"type", node.type}};
  if (!node.declared_inputs.empty()) json["ports"]["inputs"] = ToJsonParams(node.declared_inputs);
  if (!node.declared_outputs.empty()) {
    json["ports"]["outputs"] = ToJsonParams(node.declared_outputs);
  }
  Ordered<InputDef> wires;
  Ordered<InputDef> literals;
  for (const auto& item : node.inputs) {
    (item.second.literal() != nullptr ? literals : wires).push_back(item);
  }
  if (!wires.empty()) json["inputs"] = ToJsonInputs(wires);
  if (!literals.empty()) json["params"] = ToJsonInputs(literals);
  if (!node.carry.empty()) json["carry"] = ToJsonInputs(node.carry);
  if (!node.while_carry.empty()) json["while"] = node.while_carry;
  if (node.body != nullptr) json[node.is_if() ? "then" : "body"] = ToJsonBody(*node.body);
  if (node.else_body != nullptr) json["else"] = ToJsonBody(*node.else_body);
  return json;
}

Json ToJsonNodes(const Ordered<NodeDef>& nodes) {
  Json json = Json::object();
  for (const auto& [id, node] : nodes) json[id] = ToJsonNode(node);
  return json;
}

Json ToJsonGraph(const GraphDef& graph) {
  Json json = Json::object();
  if (!graph.schema.empty()) json["$schema"] = graph.schema;
  json["weft"] = kGraphVersion;
  if (!graph.title.empty()) json["title"] = graph.title;
  if (!graph.doc.empty()) json["doc"] = graph.doc;
  if (!graph.params.empty()) json["params"] = ToJsonParams(graph.params);
  json["nodes"] = ToJsonNodes(graph.nodes);
  json["outputs"] = ToJsonInputs(graph.outputs);
  if (!graph.expect.empty()) {
    Json expect = Json::object();
    for (const auto& [name, bounds] : graph.expect) {
      Json item = Json::object();
      for (const auto& [bound, value] : bounds) item[bound] = value;
      expect[name] = std::move(item);
    }
    json["expect"] = std::move(expect);
  }
  if (!graph.composites.empty()) {
    Json composites = Json::object();
    for (const auto& [name, composite] : graph.composites) {
      composites[name] = ToJsonGraph(*composite);
    }
    json["composites"] = std::move(composites);
  }
  return json;
}

}  // namespace

std::string ToJson(const GraphDef& graph) {
  return ToJsonGraph(graph).dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace weft
