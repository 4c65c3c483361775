#ifndef WEFT_RUNTIME_GRAPH_GRAPH_DEF_H_
#define WEFT_RUNTIME_GRAPH_GRAPH_DEF_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "runtime/graph/type.h"
#include "runtime/graph/value.h"

namespace weft {

// A graph as it is written, before anything is checked: every door (JSON, Lua, Python) makes one.

// "node", "node.port", or "node.port.field": where a value comes from.
struct Wire {
  std::string node;
  std::string port;                 // "": the node's only output
  std::vector<std::string> fields;  // of a record

  static Wire Parse(absl::string_view text);
  std::string ToString() const;
};

// What feeds an input: a literal, a wire, or several wires that make up a list.
struct InputDef {
  std::variant<Value, Wire, std::vector<Wire>> source;
  int line = 0;

  const Value* literal() const { return std::get_if<Value>(&source); }
  const Wire* wire() const { return std::get_if<Wire>(&source); }
  const std::vector<Wire>* wires() const { return std::get_if<std::vector<Wire>>(&source); }
};

template <typename T>
using Ordered = std::vector<std::pair<std::string, T>>;

template <typename T>
const T* FindIn(const Ordered<T>& items, absl::string_view name) {
  for (const auto& [key, item] : items) {
    if (key == name) return &item;
  }
  return nullptr;
}

// A parameter of the graph, reached as graph.NAME; or a port that a node declares.
struct ParamDef {
  Type type;
  std::string like;  // "node.port": take type, default, range and doc from there
  std::optional<Value> fallback;
  std::optional<double> min;
  std::optional<double> max;
  std::vector<std::string> choices;
  std::string doc;
  int line = 0;
};

struct BodyDef;

struct NodeDef {
  std::string type;
  Ordered<InputDef> inputs;  // wires ("inputs") and literals ("params") alike
  int line = 0;

  // Of types that let a node declare ports: what it declares.
  Ordered<ParamDef> declared_inputs;
  Ordered<ParamDef> declared_outputs;

  // Control nodes alone.
  Ordered<InputDef> carry;        // Loop: names that go from round to round
  std::string while_carry;        // Loop: the carried bool that keeps it going
  std::shared_ptr<BodyDef> body;  // Loop; the `then` of an If
  std::shared_ptr<BodyDef> else_body;

  bool is_loop() const { return type == "Loop"; }
  bool is_if() const { return type == "If"; }
};

// Nodes inside a control node.
struct BodyDef {
  Ordered<NodeDef> nodes;
  Ordered<InputDef> next;     // Loop: what each carried name becomes
  Ordered<InputDef> collect;  // Loop: one value of each round, as a list
  Ordered<InputDef> outputs;  // If
  int line = 0;
};

struct GraphDef {
  std::string file;  // where it was read from, for errors; may be ""
  std::string title;
  std::string doc;
  std::string schema;  // "$schema", kept as it was
  Ordered<ParamDef> params;
  Ordered<NodeDef> nodes;
  Ordered<InputDef> outputs;
  // How `weft test` compares an output with its reference: tolerances by output name.
  Ordered<absl::btree_map<std::string, double>> expect;
  // Composite node types that travel inside the graph.
  absl::btree_map<std::string, std::shared_ptr<const GraphDef>> composites;
};

// The version of the format that this weft reads and writes.
inline constexpr int kGraphVersion = 1;

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_GRAPH_DEF_H_
