#include "runtime/graph/schema.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/graph/graph_def.h"
#include "runtime/graph/value_json.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNamePattern = "^[A-Za-z0-9_-]{1,128}$";
constexpr const char* kWirePattern = "^[A-Za-z0-9_-]{1,128}(\\.[A-Za-z0-9_-]{1,128})*$";

Json Reference(absl::string_view name) { return {{"$ref", absl::StrCat("#/$defs/", name)}}; }

Json Closed(Json properties) {
  return {
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

// An object whose keys are names of the user's choosing.
Json Named(Json values) {
  return {{"type", "object"},
          {"propertyNames", {{"pattern", kNamePattern}}},
          {"additionalProperties", std::move(values)}};
}

Json Described(Json schema, absl::string_view doc) {
  if (!doc.empty()) schema["description"] = std::string(doc);
  return schema;
}

// What a literal for `port` looks like, or null for ports that wires alone can feed.
Json LiteralSchema(const PortSpec& port) {
  Json schema = Json::object();
  const std::string& type = port.type.name;
  const bool nullable = !port.required;
  if (type == "bool" || type == "text" || type == "int" || type == "float") {
    const char* name = type == "bool"   ? "boolean"
                       : type == "text" ? "string"
                       : type == "int"  ? "integer"
                                        : "number";
    schema["type"] = nullable && !port.type.list ? Json({name, "null"}) : Json(name);
    if (port.min.has_value()) schema["minimum"] = *port.min;
    if (port.max.has_value()) schema["maximum"] = *port.max;
    if (!port.choices.empty()) {
      schema["enum"] = port.choices;
      if (nullable && !port.type.list) schema["enum"].push_back(nullptr);
    }
  } else if (type != "any") {
    return nullptr;
  }
  if (port.type.list) schema = {{"type", "array"}, {"items", std::move(schema)}};
  if (!port.fallback.is_null()) schema["default"] = ToJsonValue(port.fallback);
  return schema;
}

// A node of this type. `open`: its ports are not all there are, for another file may stand for the
// name, or the node may declare more.
Json NodeSchema(const Contract& contract, bool open) {
  Json wires = Json::object();
  Json literals = Json::object();
  Json needed = Json::array();
  for (const PortSpec& port : contract.inputs) {
    const std::string doc =
        absl::StrCat(port.type.ToString(), port.doc.empty() ? "" : ": ", port.doc);
    wires[port.name] = Described(Reference("wires"), doc);
    Json literal = LiteralSchema(port);
    const bool has_literal = !literal.is_null();
    if (has_literal) literals[port.name] = Described(std::move(literal), doc);
    if (!port.required || open) continue;
    const auto given_in = [&port](const char* member) -> Json {
      return {{"required", {member}}, {"properties", {{member, {{"required", {port.name}}}}}}};
    };
    needed.push_back(has_literal ? Json({{"anyOf", {given_in("params"), given_in("inputs")}}})
                                 : given_in("inputs"));
  }
  Json inputs = Closed(std::move(wires));
  Json params = Closed(std::move(literals));
  if (open) {
    inputs["additionalProperties"] = Reference("wires");
    params["additionalProperties"] = true;
  }
  Json node = {{"properties",
                {{"type", {{"const", contract.type}, {"description", contract.doc}}},
                 {"inputs", std::move(inputs)},
                 {"params", std::move(params)}}}};
  if (!open || contract.declares_ports) {
    node["properties"].update(Json(
        {{"carry", false}, {"while", false}, {"body", false}, {"then", false}, {"else", false}}));
    node["properties"]["ports"] = contract.declares_ports ? Reference("ports") : Json(false);
  }
  if (!needed.empty()) node["allOf"] = std::move(needed);
  return node;
}

Json LoopSchema() {
  Json body =
      Closed({{"nodes", Reference("nodes")},
              {"next", Described(Reference("named_wires"),
                                 "What each carried name becomes for the next round.")},
              {"collect", Described(Reference("named_wires"),
                                    "One value of each round; together they are a list.")}});
  return Closed(
      {{"type",
        {{"const", "Loop"},
         {"description",
          "Runs its body over a list, or while a carried bool holds. Inside, "
          "<loop id>.item, .index and the carried names can be wired."}}},
       {"inputs", Closed({{"over", Described(Reference("wires"), "The list to go over.")},
                          {"max_rounds", Reference("wires")}})},
       {"params", Closed({{"max_rounds", {{"type", "integer"}, {"minimum", 1}}}})},
       {"carry",
        {{"type", "object"},
         {"description", "Names that go from round to round, and what they begin with."},
         {"propertyNames", {{"pattern", kNamePattern}}},
         {"additionalProperties",
          {{"anyOf", {Reference("wires"), {{"type", {"null", "boolean", "number"}}}}}}}}},
       {"while", {{"type", "string"}, {"description", "The carried bool that keeps it going."}}},
       {"body", std::move(body)}});
}

Json IfSchema() {
  const Json branch =
      Closed({{"nodes", Reference("nodes")}, {"outputs", Reference("named_wires")}});
  return Closed(
      {{"type",
        {{"const", "If"}, {"description", "Runs one of two bodies, which have the same outputs."}}},
       {"inputs", Closed({{"condition", Reference("wires")}})},
       {"params", Closed({{"condition", {{"type", "boolean"}}}})},
       {"then", branch},
       {"else", branch}});
}

Json ParamSchema() {
  Json param =
      Closed({{"type",
               {{"type", "string"},
                {"description",
                 "bool, int, float, text, or what a node's "
                 "port carries; list<…> of one."}}},
              {"like",
               {{"type", "string"},
                {"pattern", kWirePattern},
                {"description", "node.port: take type, default, range and doc from there."}}},
              {"default", {{"description", "Without it the param must be given."}}},
              {"min", {{"type", "number"}}},
              {"max", {{"type", "number"}}},
              {"choices", {{"type", "array"}, {"items", {{"type", "string"}}}}},
              {"doc", {{"type", "string"}}}});
  param["oneOf"] = {{{"required", {"type"}}}, {{"required", {"like"}}}};
  return param;
}

Json Case(absl::string_view type, Json then) {
  return {
      {"if", {{"properties", {{"type", {{"const", std::string(type)}}}}}, {"required", {"type"}}}},
      {"then", std::move(then)}};
}

}  // namespace

std::string GraphSchema(const Registry& registry, const std::vector<Contract>& composites) {
  Json types = {"Loop", "If"};
  Json cases = {Case("Loop", Reference("Loop")), Case("If", Reference("If"))};
  Json definitions = {
      {"wire",
       {{"type", "string"},
        {"pattern", kWirePattern},
        {"description",
         "node.port, or node where it has one output; graph.NAME is a "
         "param of the graph."}}},
      {"wires",
       {{"anyOf", {Reference("wire"), {{"type", "array"}, {"items", Reference("wire")}}}}}},
      {"named_wires", Named(Reference("wires"))},
      {"param", ParamSchema()},
      {"ports", Described(Closed({{"inputs", Named(Reference("param"))},
                                  {"outputs", Named(Reference("param"))}}),
                          "Ports that this node has beside those of its type.")},
      {"Loop", LoopSchema()},
      {"If", IfSchema()}};
  definitions["Loop"]["required"] = {"body"};
  definitions["If"]["required"] = {"then", "else"};
  const auto add = [&](const Contract& contract, bool open) {
    types.push_back(contract.type);
    cases.push_back(Case(contract.type, Reference(contract.type)));
    definitions[contract.type] = NodeSchema(contract, open);
  };
  for (const auto& type : registry.Types()) add(type->contract, type->contract.declares_ports);
  for (const Contract& composite : composites) {
    if (registry.Find(composite.type) == nullptr) add(composite, true);
  }
  definitions["node"] = {
      {"type", "object"},
      {"required", {"type"}},
      {"properties",
       {{"type",
         {{"description", "A node type; another name is the composite in that graph file."},
          {"anyOf",
           {{{"enum", std::move(types)}},
            {{"type", "string"}, {"pattern", "^[A-Z][A-Za-z0-9]{0,127}$"}}}}}},
        {"inputs", Reference("named_wires")},
        {"params", Named(Json::object())}}},
      {"allOf", std::move(cases)}};
  definitions["nodes"] = Named(Reference("node"));
  definitions["nodes"]["properties"] = {{"graph", false}};
  definitions["graph"] = Closed(
      {{"$schema", {{"type", "string"}}},
       {"weft", {{"const", kGraphVersion}, {"description", "The version of the format."}}},
       {"title", {{"type", "string"}}},
       {"doc", {{"type", "string"}}},
       {"params", Described(Named(Reference("param")), "Reached as graph.NAME.")},
       {"nodes", Reference("nodes")},
       {"outputs", Described(Reference("named_wires"), "What the graph gives.")},
       {"expect", Described(Named(Named({{"type", "number"}})),
                            "How far each output may be from its reference in weft test: max_abs, "
                            "mean_abs.")},
       {"composites",
        Described(Named(Reference("graph")), "Graphs that serve as node types inside this one.")}});
  definitions["graph"]["required"] = {"weft"};
  const Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                       {"title", "A weft graph"},
                       {"$ref", "#/$defs/graph"},
                       {"$defs", std::move(definitions)}};
  return schema.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace weft
