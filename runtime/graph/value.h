#ifndef WEFT_RUNTIME_GRAPH_VALUE_H_
#define WEFT_RUNTIME_GRAPH_VALUE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// Numbers that refine a type, such as {channels: 4}. A wire is refused before anything runs where
// both ends name a trait and disagree.
using Traits = absl::btree_map<std::string, int64_t>;

// A value of a type that nodes define (a model, a scheduler). Immutable once it is on a wire.
class Object {
 public:
  virtual ~Object() = default;
  virtual absl::string_view type_name() const = 0;
  virtual Traits traits() const { return {}; }
};

class Value;
using List = std::vector<Value>;
using Record = absl::btree_map<std::string, Value>;

// What travels on a wire: nothing, a scalar, a tensor, a list, a record (both plain data that can
// be saved), or an object. Copying shares; nothing on a wire is ever changed.
class Value {
 public:
  Value() = default;
  explicit Value(bool x) : data_(x) {}
  explicit Value(int64_t x) : data_(x) {}
  explicit Value(double x) : data_(x) {}
  explicit Value(std::string x) : data_(std::move(x)) {}
  explicit Value(Tensor x) : data_(std::move(x)) {}
  explicit Value(List x) : data_(std::make_shared<const List>(std::move(x))) {}
  explicit Value(Record x) : data_(std::make_shared<const Record>(std::move(x))) {}
  explicit Value(std::shared_ptr<const Object> x) : data_(std::move(x)) {}
  explicit Value(const char*) = delete;  // would become a bool

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  // Null where the value is of another kind.
  const bool* AsBool() const { return std::get_if<bool>(&data_); }
  const int64_t* AsInt() const { return std::get_if<int64_t>(&data_); }
  const double* AsFloat() const { return std::get_if<double>(&data_); }
  const std::string* AsText() const { return std::get_if<std::string>(&data_); }
  const Tensor* AsTensor() const { return std::get_if<Tensor>(&data_); }
  Tensor* MutableTensor() { return std::get_if<Tensor>(&data_); }
  const List* AsList() const { return Shared<List>(); }
  const Record* AsRecord() const { return Shared<Record>(); }
  const Object* AsObject() const { return Shared<Object>(); }
  std::shared_ptr<const Object> SharedObject() const {
    const auto* object = std::get_if<std::shared_ptr<const Object>>(&data_);
    return object != nullptr ? *object : nullptr;
  }

  // "null", "bool", "int", "float", "text", "tensor", "list", "record", or the object's type name.
  absl::string_view kind() const;

 private:
  template <typename T>
  const T* Shared() const {
    const auto* shared = std::get_if<std::shared_ptr<const T>>(&data_);
    return shared != nullptr ? shared->get() : nullptr;
  }

  std::variant<std::monostate, bool, int64_t, double, std::string, Tensor,
               std::shared_ptr<const List>, std::shared_ptr<const Record>,
               std::shared_ptr<const Object>>
      data_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_VALUE_H_
