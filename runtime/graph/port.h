#ifndef WEFT_RUNTIME_GRAPH_PORT_H_
#define WEFT_RUNTIME_GRAPH_PORT_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/graph/value.h"

namespace weft {

// How a C++ type T stands on a wire; Holds() tells whether a value that Matches() its type is one
// that Unwrap() can take. The general case is an Object class with a constant
//   static constexpr absl::string_view kTypeName;
// it travels as shared_ptr<const T>. A struct that derives from TensorPort travels as a Tensor:
//   struct Field : TensorPort { static constexpr absl::string_view kTypeName = "field";
//                                static Traits TraitsOf(const Tensor& t); };   // optional
// A struct that derives from RecordPort is plain data, kept as a record:
//   struct Step : RecordPort { …; static Step From(const Record&); Record To() const; };
struct TensorPort {
  static Traits TraitsOf(const Tensor&) { return {}; }
};
struct RecordPort {};
// A list of T on one wire; several wires may make it up.
template <typename T>
struct ListOf {};
struct Any {};   // whatever it is, as a Value
struct Text {};  // UTF-8

template <typename T, typename = void>
struct PortType {
  using Held = std::shared_ptr<const T>;
  using Literal = std::monostate;
  static std::string TypeName() { return std::string(T::kTypeName); }
  static bool Holds(const Value& v) { return v.AsObject() != nullptr; }
  static Held Unwrap(const Value& v) { return std::static_pointer_cast<const T>(v.SharedObject()); }
  static Value Wrap(Held held) { return Value(std::shared_ptr<const Object>(std::move(held))); }
  static Traits TraitsOf(const Held& held) { return held->traits(); }
};
template <typename T>
struct PortType<T, std::enable_if_t<std::is_base_of_v<TensorPort, T>>> {
  using Held = Tensor;
  using Literal = std::monostate;
  static std::string TypeName() { return std::string(T::kTypeName); }
  static bool Holds(const Value& v) { return v.AsTensor() != nullptr; }
  static Held Unwrap(const Value& v) { return *v.AsTensor(); }
  static Value Wrap(Held held) { return Value(std::move(held)); }
  static Traits TraitsOf(const Held& held) { return T::TraitsOf(held); }
};
template <typename T>
struct PortType<T, std::enable_if_t<std::is_base_of_v<RecordPort, T>>> {
  using Held = T;
  using Literal = std::monostate;
  static std::string TypeName() { return std::string(T::kTypeName); }
  static bool Holds(const Value& v) { return v.AsRecord() != nullptr; }
  static Held Unwrap(const Value& v) { return T::From(*v.AsRecord()); }
  static Value Wrap(const Held& held) { return Value(held.To()); }
  static Traits TraitsOf(const Held&) { return {}; }
};
template <typename T, typename L>
struct ScalarPort {
  using Held = T;
  using Literal = L;
  static bool Holds(const Value&) { return true; }  // Matches() tells
  static Value Wrap(Held held) { return Value(std::move(held)); }
  static Traits TraitsOf(const Held&) { return {}; }
};
template <>
struct PortType<bool> : ScalarPort<bool, bool> {
  static std::string TypeName() { return "bool"; }
  static bool Unwrap(const Value& v) { return *v.AsBool(); }
};
template <>
struct PortType<int64_t> : ScalarPort<int64_t, int64_t> {
  static std::string TypeName() { return "int"; }
  static int64_t Unwrap(const Value& v) { return *v.AsInt(); }
};
template <>
struct PortType<double> : ScalarPort<double, double> {
  static std::string TypeName() { return "float"; }
  static double Unwrap(const Value& v) {
    return v.AsFloat() != nullptr ? *v.AsFloat() : static_cast<double>(*v.AsInt());
  }
};
template <>
struct PortType<Text> : ScalarPort<std::string, absl::string_view> {
  static std::string TypeName() { return "text"; }
  static std::string Unwrap(const Value& v) { return *v.AsText(); }
};
template <>
struct PortType<Any> : ScalarPort<Value, std::monostate> {
  static std::string TypeName() { return "any"; }
  static Value Unwrap(const Value& v) { return v; }
  static Value Wrap(Value held) { return held; }
};
template <typename T>
struct PortType<ListOf<T>> {
  using Held = std::vector<typename PortType<T>::Held>;
  using Literal = std::monostate;
  static std::string TypeName() { return "list<" + PortType<T>::TypeName() + ">"; }
  static bool Holds(const Value& v) {
    const List* list = v.AsList();
    return list != nullptr && std::all_of(list->begin(), list->end(), PortType<T>::Holds);
  }
  static Held Unwrap(const Value& v) {
    Held held;
    for (const Value& item : *v.AsList()) held.push_back(PortType<T>::Unwrap(item));
    return held;
  }
  static Value Wrap(const Held& held) {
    List list;
    for (const auto& item : held) list.push_back(PortType<T>::Wrap(item));
    return Value(std::move(list));
  }
  static Traits TraitsOf(const Held&) { return {}; }
};

// A port is one line of a node's file, and the only place where its name, default, range and doc
// stand:
//   constexpr In<double> kScale{.name = "guidance_scale", .doc = "…", .fallback = 7.5, .min = 0};
// Without a fallback an input is required, unless it is marked optional (Has() tells).
template <typename T>
struct In {
  absl::string_view name;
  absl::string_view doc;
  std::optional<typename PortType<T>::Literal> fallback = std::nullopt;
  std::optional<double> min = std::nullopt;  // of numbers, inclusive
  std::optional<double> max = std::nullopt;
  absl::Span<const absl::string_view> choices = {};  // of text
  bool optional = false;
};
template <typename T>
struct Out {
  absl::string_view name;
  absl::string_view doc;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_PORT_H_
