#ifndef WEFT_RUNTIME_GRAPH_CONTRACT_H_
#define WEFT_RUNTIME_GRAPH_CONTRACT_H_

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "runtime/graph/port.h"
#include "runtime/graph/type.h"

namespace weft {

// A port as data: what validation, `weft nodes`, the JSON schema and the bindings read.
struct PortSpec {
  std::string name;
  Type type;
  std::string doc;
  bool required = false;
  Value fallback;  // null: none
  std::optional<double> min;
  std::optional<double> max;
  std::vector<std::string> choices;
  // Whether a node that is written in C++ can take a value that goes with the type: an object, a
  // tensor or a record, whichever its type is. Null: it takes them all.
  bool (*holds)(const Value&) = nullptr;

  PortSpec() = default;
  template <typename T>
  PortSpec(const In<T>& port)  // NOLINT(google-explicit-constructor): contracts list their ports
      : name(port.name),
        type(Type::Parse(PortType<T>::TypeName())),
        doc(port.doc),
        required(!port.fallback.has_value() && !port.optional),
        min(port.min),
        max(port.max),
        choices(port.choices.begin(), port.choices.end()),
        holds(PortType<T>::Holds) {
    if constexpr (!std::is_same_v<typename PortType<T>::Literal, std::monostate>) {
      if (port.fallback.has_value()) {
        fallback = Value(typename PortType<T>::Held(*port.fallback));
      }
    }
  }
  template <typename T>
  PortSpec(const Out<T>& port)  // NOLINT(google-explicit-constructor)
      : name(port.name), type(Type::Parse(PortType<T>::TypeName())), doc(port.doc) {}
};

// What a node promises. Data only; nothing else describes the node.
struct Contract {
  std::string type;
  std::string doc;       // one sentence, and the formula where there is one
  std::string category;  // the folder below nodes/
  int version = 1;       // raised when the same inputs give other outputs
  bool effect = false;   // runs even if no output is wanted
  bool light = false;    // reading, writing, encoding: overlaps with heavy nodes
  // Its outputs have little to do with each other, and each may fail alone: who calls the node by
  // itself asks for one at a time.
  bool separate_outputs = false;
  // A node of this type declares ports of its own beside those listed here ("ports" in its file).
  bool declares_ports = false;
  std::vector<PortSpec> inputs;
  std::vector<PortSpec> outputs;

  const PortSpec* Input(absl::string_view name) const;
  const PortSpec* Output(absl::string_view name) const;
  std::vector<std::string> InputNames() const;
  std::vector<std::string> OutputNames() const;
};

// `literal` as a value of `port`'s type (an int becomes a float where a float is wanted), or an
// error that names the port, what it expects, its range or its choices.
absl::StatusOr<Value> CheckLiteral(const PortSpec& port, const Value& literal);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_CONTRACT_H_
