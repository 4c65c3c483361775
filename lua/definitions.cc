#include "lua/definitions.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "runtime/graph/value_json.h"

namespace weft {
namespace {

// What does not come from contracts. Kept beside the functions it describes: lua/tensors.cc,
// graph_functions.cc, live_functions.cc, graph_objects.cc, run_options.cc.
constexpr char kLibrary[] = R"lua(---@meta weft

-- Written by `weft lua --definitions` from the contracts of the nodes.

---@class weft.null Nothing, where nil would leave a gap.

---@class weft.wire A value of a graph that is being written.
---@field [string] weft.wire

---@class weft.tensor
---@field shape integer[]
---@field dtype "f32"|"bf16"|"f16"|"u8"|"i32"|"i64"
---@field [integer] weft.tensor|number
---@operator add(weft.tensor|number): weft.tensor
---@operator sub(weft.tensor|number): weft.tensor
---@operator mul(weft.tensor|number): weft.tensor
---@operator div(weft.tensor|number): weft.tensor
---@operator pow(weft.tensor|number): weft.tensor
---@operator unm: weft.tensor
---@operator len: integer
local tensor = {}
---@param other weft.tensor|number
---@return weft.tensor 1 where less, else 0
function tensor:lt(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:le(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:gt(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:ge(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:eq(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:minimum(other) end
---@param other weft.tensor|number
---@return weft.tensor
function tensor:maximum(other) end
---@return weft.tensor
function tensor:abs() end
---@return weft.tensor
function tensor:sqrt() end
---@return weft.tensor
function tensor:exp() end
---@return weft.tensor
function tensor:log() end
---@param low number?
---@param high number?
---@return weft.tensor
function tensor:clamp(low, high) end
---@param other weft.tensor|number
---@param weight number 0: this, 1: the other
---@return weft.tensor
function tensor:lerp(other, weight) end
---@param dim integer? without it a number
---@return weft.tensor|number
function tensor:sum(dim) end
---@param dim integer?
---@return weft.tensor|number
function tensor:mean(dim) end
---@param dim integer?
---@return weft.tensor|number
function tensor:min(dim) end
---@param dim integer?
---@return weft.tensor|number
function tensor:max(dim) end
---@param dim integer?
---@return weft.tensor|number divides by n - 1
function tensor:std(dim) end
---@param dim integer from 1, or from -1 at the end
---@param first integer from 1, or from -1 at the end
---@param last integer? included
---@return weft.tensor
function tensor:slice(dim, first, last) end
---@param shape integer[] -1 once: what is left
---@return weft.tensor
function tensor:reshape(shape) end
---@param order integer[]
---@return weft.tensor
function tensor:permute(order) end
---@param a integer
---@param b integer
---@return weft.tensor
function tensor:transpose(a, b) end
---@param dim integer
---@param shift integer
---@return weft.tensor
function tensor:roll(dim, shift) end
---@param dtype string
---@return weft.tensor
function tensor:to(dtype) end
---@return table
function tensor:totable() end
---@return number
function tensor:item() end

---@class weft.step One call of the model in a run.
---@field index integer
---@field timestep number
---@field sigma number
---@field next weft.step?

---@class weft.round What on_step is given.
---@field loop string the loop's path
---@field index integer from 0
---@field total integer 0 where nobody knows
---@field carried table<string, any> what the next round begins with; may be written
---@field collected table<string, any>
local round = {}
---@param input string "node.input", or "input" for every input of that name
---@param value any
function round:set(input, value) end
function round:stop() end

---@class weft.run_options
---@field out string? the folder for what nodes write
---@field precision "auto"|"f32"|"bf16"|nil
---@field memory string? the most that the process may take, such as "4G", or "low"
---@field allow_outside_paths boolean?
---@field set table<string, any>? inputs of nodes, by "node.input"
---@field on_progress fun(node: string, done: integer, total: integer)?
---@field on_step fun(step: weft.round)?
---@field on_preview fun(image: weft.tensor, index: integer, node: string)?
---@field on_notice fun(text: string, node: string)?

---@class weft.param_info
---@field name string
---@field type string
---@field doc string
---@field default any
---@field min number?
---@field max number?
---@field choices string[]?

---@class weft.graph
local graph = {}
---@param params table<string, any>?
---@param options weft.run_options?
---@return table<string, any> outputs by name
function graph:run(params, options) end
---@param params table<string, any>?
---@param options weft.run_options?
---@return boolean
function graph:check(params, options) end
---@return weft.param_info[]
function graph:params() end
---@return string
function graph:json() end
---@return string
function graph:lua() end
---@return string
function graph:svg() end

---@class weft
---@field null weft.null
weft = {}

---@param value any
---@return string
function weft.type(value) end
---@param values table numbers, or tables of them
---@return weft.tensor
function weft.tensor(values) end
---@param shape integer[]
---@return weft.tensor
function weft.zeros(shape) end
---@param shape integer[]
---@param value number
---@return weft.tensor
function weft.full(shape, value) end
---@param shape integer[]
---@param generator weft.generator|integer
---@return weft.tensor, weft.generator
function weft.randn(shape, generator) end
---@param tensors weft.tensor[]
---@param dim integer?
---@return weft.tensor
function weft.concat(tensors, dim) end

---@class weft.description
---@field title string?
---@field doc string?
---@field schema string?
---@param description weft.description
function weft.describe(description) end

---@class weft.param_definition
---@field [1] string the param's name
---@field type string?
---@field like string? "node.input": type, default, range and doc from there
---@field default any
---@field min number?
---@field max number?
---@field choices string[]?
---@field doc string?
---@param param weft.param_definition
---@return weft.wire
function weft.param(param) end

---@class weft.output_definition
---@field [1] string the output's name
---@field [2] weft.wire
---@field [string] number bounds for `weft test`
---@param output weft.output_definition
function weft.output(output) end
---@param name string
---@param write fun()
function weft.composite(name, write) end

---@class weft.loop_definition
---@field [1] string? an id
---@field over weft.wire?
---@field carry table<string, any>?
---@field while string? the carried bool that keeps it going
---@field max_rounds integer|weft.wire|nil
---@field body fun(loop: weft.wire): {next: table<string, weft.wire>?, collect: table<string, weft.wire>?}
---@param loop weft.loop_definition
---@return weft.wire
function weft.Loop(loop) end

---@class weft.if_definition
---@field [1] string? an id
---@field condition boolean|weft.wire
---@field then fun(): table<string, weft.wire>
---@field else fun(): table<string, weft.wire>
---@param definition weft.if_definition
---@return weft.wire
function weft.If(definition) end

---@param path string a graph file, or the name of an installed graph
---@return weft.graph
function weft.load(path) end
---@param write fun()
---@return weft.graph
function weft.graph(write) end
---@param graph weft.graph|string
---@param params table<string, any>?
---@param options weft.run_options?
---@return table<string, any> outputs by name
function weft.run(graph, params, options) end
---@param value weft.tensor|weft.tensor[]
---@param path string .png, .jpg, .webp, .safetensors or .npy
---@return string[] paths
function weft.save(value, path) end

---@return number seconds since some moment
function weft.clock() end

---@class weft.options
---@field out string?
---@field precision "auto"|"f32"|"bf16"|nil
---@field memory string? the most that the process may take, such as "4G", or "low"
---@field threads integer?
---@field allow_outside_paths boolean?
---@param options weft.options
function weft.options(options) end

)lua";

bool IsScalar(const std::string& name) {
  return name == "bool" || name == "int" || name == "float" || name == "text" || name == "any";
}

// Types whose values are tensors.
bool IsTensor(const std::string& name) {
  return name == "latent" || name == "image" || name == "mask" || name == "tensor";
}

std::string OneLine(const std::string& doc) { return absl::StrReplaceAll(doc, {{"\n", " "}}); }

std::string TypeText(const Type& type) {
  const std::string& name = type.name;
  std::string text = name == "bool"    ? "boolean"
                     : name == "int"   ? "integer"
                     : name == "float" ? "number"
                     : name == "text"  ? "string"
                     : name == "any"   ? "any"
                                       : absl::StrCat("weft.", name);
  return type.list ? text + "[]" : text;
}

std::string InputType(const PortSpec& port) {
  std::string text = TypeText(port.type);
  if (!port.choices.empty()) {
    text = absl::StrCat("\"", absl::StrJoin(port.choices, "\"|\""), "\"");
  }
  if (port.type.list && port.type.name != "any") {
    absl::StrAppend(&text, "|", TypeText(Type{port.type.name, false}));
  }
  return port.type.name == "any" && !port.type.list ? text : text + "|weft.wire";
}

std::string InputDoc(const PortSpec& port) {
  std::string doc = OneLine(port.doc);
  if (!port.fallback.is_null()) {
    absl::StrAppend(&doc, doc.empty() ? "" : " ", "(default ", ToJsonValue(port.fallback).dump(),
                    ")");
  }
  return doc;
}

void AddNode(const Contract& contract, std::string& text) {
  const std::string& type = contract.type;
  absl::StrAppend(&text, "---@class weft.", type, ".inputs\n---@field [1] string? an id\n");
  for (const PortSpec& port : contract.inputs) {
    absl::StrAppend(&text, "---@field ", port.name, port.required ? "" : "?", " ", InputType(port),
                    " ", InputDoc(port), "\n");
  }
  if (contract.declares_ports) {
    absl::StrAppend(&text, "---@field ports {inputs: table?, outputs: table?}? ports of its own\n",
                    "---@field [string] any\n");
  }
  std::string result;
  if (contract.declares_ports) {
    result = "any";
  } else if (contract.outputs.size() == 1) {
    result = TypeText(contract.outputs[0].type);
  } else {
    result = absl::StrCat("weft.", type, ".outputs");
    absl::StrAppend(&text, "---@class ", result, "\n");
    for (const PortSpec& port : contract.outputs) {
      absl::StrAppend(&text, "---@field ", port.name, " ", TypeText(port.type), " ",
                      OneLine(port.doc), "\n");
    }
  }
  absl::StrAppend(&text, "---", OneLine(contract.doc), "\n---@param inputs weft.", type,
                  ".inputs\n---@return ", result, "\nfunction weft.", type, "(inputs) end\n\n");
}

}  // namespace

std::string LuaDefinitions(const Registry& registry, const std::vector<Contract>& composites) {
  std::vector<Contract> contracts;
  for (const auto& type : registry.Types()) contracts.push_back(type->contract);
  contracts.insert(contracts.end(), composites.begin(), composites.end());
  std::set<std::string> types;
  for (const Contract& contract : contracts) {
    for (const PortSpec& port : contract.inputs) types.insert(port.type.name);
    for (const PortSpec& port : contract.outputs) types.insert(port.type.name);
  }
  std::string text = kLibrary;
  for (const std::string& type : types) {
    if (IsScalar(type) || type == "tensor" || type == "step") continue;
    absl::StrAppend(&text, "---@class weft.", type, IsTensor(type) ? ": weft.tensor" : "", "\n");
    if (type != "scheduler") continue;
    absl::StrAppend(&text, "local scheduler = {}\n",
                    "---@param num_inference_steps integer?\n---@param strength number?\n",
                    "---@return fun(): integer, weft.step\n",
                    "function scheduler:steps(num_inference_steps, strength) end\n");
  }
  text += '\n';
  for (const Contract& contract : contracts) AddNode(contract, text);
  absl::StrAppend(&text, "return weft\n");
  return text;
}

}  // namespace weft
