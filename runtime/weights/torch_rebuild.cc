// Tensors as torch.save describes them: calls of torch._utils._rebuild_… that are read, never run.

#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/torch_tensors.h"

namespace weft {
namespace {

using Kind = PickleValue::Kind;

struct NamedType {
  absl::string_view storage;  // torch.…Storage
  absl::string_view dtype;    // torch.…
  StoredType type;
};
constexpr std::array<NamedType, 10> kTypes = {{
    {"FloatStorage", "float32", StoredType::kF32},
    {"HalfStorage", "float16", StoredType::kF16},
    {"BFloat16Storage", "bfloat16", StoredType::kBF16},
    {"DoubleStorage", "float64", StoredType::kF64},
    {"LongStorage", "int64", StoredType::kI64},
    {"IntStorage", "int32", StoredType::kI32},
    {"ShortStorage", "int16", StoredType::kI16},
    {"CharStorage", "int8", StoredType::kI8},
    {"ByteStorage", "uint8", StoredType::kU8},
    {"BoolStorage", "bool", StoredType::kBool},
}};

absl::string_view GlobalName(const Pickle& pickle, PickleRef ref) {
  return pickle[ref].kind == Kind::kGlobal ? pickle[ref].text : absl::string_view();
}

absl::StatusOr<int64_t> Count(const PickleValue& value, absl::string_view what) {
  if (value.kind != Kind::kInt || value.integer < 0) {
    return Invalid("its ", what, " is not a whole number from 0 up");
  }
  return value.integer;
}

// A tuple of numbers: torch.Size pickles as one, or as a call of torch.Size.
absl::StatusOr<std::vector<int64_t>> Counts(const Pickle& pickle, PickleRef ref,
                                            absl::string_view what) {
  const PickleValue* value = &pickle[ref];
  if (value->kind == Kind::kObject && GlobalName(pickle, value->callable) == "torch.Size" &&
      pickle[value->args].items.size() == 1) {
    value = &pickle[pickle[value->args].items[0]];
  }
  if (value->kind != Kind::kTuple && value->kind != Kind::kList) {
    return Invalid("its ", what, " is not a list of numbers");
  }
  constexpr size_t kMostExtents = 16;
  if (value->items.size() > kMostExtents) {
    return Invalid("its ", what, " has ", value->items.size(), " extents, more than the ",
                   kMostExtents, " that are read");
  }
  std::vector<int64_t> counts;
  for (const PickleRef item : value->items) {
    WEFT_ASSIGN_OR_RETURN(const int64_t count, Count(pickle[item], what));
    counts.push_back(count);
  }
  return counts;
}

// Whether the view stays within `elements`, its storage's.
absl::Status CheckView(const TorchTensor& tensor, int64_t elements) {
  int64_t numel = 1;
  for (const int64_t size : tensor.sizes) numel *= size;  // StoredBytes has checked the product
  if (numel == 0) return absl::OkStatus();
  const auto outside = [&] {
    return Invalid("its shape ", Shape(tensor.sizes).ToString(), " with strides ",
                   Shape(tensor.strides).ToString(), " from element ", tensor.offset,
                   " reaches past its storage of ", elements, " elements");
  };
  if (numel > elements) {
    return Invalid("its shape ", Shape(tensor.sizes).ToString(), " has more elements than the ",
                   elements, " of its storage");
  }
  int64_t last = tensor.offset;
  if (last >= elements) return outside();
  for (size_t i = 0; i < tensor.sizes.size(); ++i) {
    const int64_t steps = tensor.sizes[i] - 1;
    if (steps > 0 && tensor.strides[i] > (elements - 1 - last) / steps) return outside();
    if (steps > 0) last += steps * tensor.strides[i];
  }
  return absl::OkStatus();
}

// _rebuild_tensor(storage, offset, size, stride), and v2 and v3 of it, which have more arguments.
absl::StatusOr<TorchTensor> Rebuild(const Pickle& pickle, absl::string_view function,
                                    const std::vector<PickleRef>& args) {
  const bool untyped = absl::EndsWith(function, "_v3");
  if (args.size() < (untyped ? 7u : 4u) || pickle[args[0]].kind != Kind::kPersistent) {
    return Invalid("its call of ", function, " lacks arguments");
  }
  WEFT_ASSIGN_OR_RETURN(const TorchStorage storage, TorchStorageOf(pickle, args[0]));
  TorchTensor tensor;
  tensor.storage = storage.key;
  WEFT_ASSIGN_OR_RETURN(tensor.offset, Count(pickle[args[1]], "offset"));
  WEFT_ASSIGN_OR_RETURN(tensor.sizes, Counts(pickle, args[2], "size"));
  WEFT_ASSIGN_OR_RETURN(tensor.strides, Counts(pickle, args[3], "stride"));
  std::optional<StoredType> type = storage.type;
  if (untyped) {
    const absl::string_view dtype = GlobalName(pickle, args[6]);
    for (const NamedType& known : kTypes) {
      if (absl::StrCat("torch.", known.dtype) == dtype) type = known.type;
    }
    if (!type.has_value()) return Invalid("its type is ", Quoted(dtype), ", which is not read");
  }
  if (!type.has_value()) return Invalid("its storage has no type");
  tensor.type = *type;
  if (tensor.sizes.size() != tensor.strides.size()) {
    return Invalid("it has ", tensor.sizes.size(), " extents, but ", tensor.strides.size(),
                   " strides");
  }
  WEFT_ASSIGN_OR_RETURN(tensor.bytes, StoredBytes(tensor.sizes, tensor.type));
  // Version 3 gives the tensor a type of its own, whatever its storage counts.
  const size_t counted = storage.type.has_value() ? SizeOf(*storage.type) : 1;
  const auto held =
      static_cast<int64_t>(static_cast<size_t>(storage.elements) * counted / SizeOf(tensor.type));
  WEFT_RETURN_IF_ERROR(CheckView(tensor, held));
  return tensor;
}

}  // namespace

bool IsStorage(const Pickle& pickle, PickleRef ref) {
  if (pickle[ref].kind != Kind::kPersistent) return false;
  const PickleValue& id = pickle[pickle[ref].args];
  return id.items.empty() || pickle[id.items[0]].text != "module";
}

absl::StatusOr<TorchStorage> TorchStorageOf(const Pickle& pickle, PickleRef persistent) {
  const PickleValue& id = pickle[pickle[persistent].args];
  if (id.kind != Kind::kTuple || id.items.size() < 5 || pickle[id.items[0]].text != "storage" ||
      pickle[id.items[2]].kind != Kind::kText) {
    return Invalid("a persistent id is not that of a storage");
  }
  if (id.items.size() > 5 && pickle[id.items[5]].kind != Kind::kNone) {
    return Invalid(
        "a storage is a view of another one, as PyTorch wrote before 0.4; save the file "
        "again with a newer one");
  }
  constexpr size_t kLongestKey = 64;  // they are numbers
  if (pickle[id.items[2]].text.size() > kLongestKey) {
    return Invalid("a storage's key is longer than ", kLongestKey, " bytes");
  }
  TorchStorage storage{.key = std::string(pickle[id.items[2]].text)};
  WEFT_ASSIGN_OR_RETURN(storage.elements, Count(pickle[id.items[4]], "storage's size"));
  const absl::string_view name = GlobalName(pickle, id.items[1]);
  absl::string_view type = name;
  if (name == "torch.storage.UntypedStorage") return storage;
  if (!absl::ConsumePrefix(&type, "torch.cuda.")) absl::ConsumePrefix(&type, "torch.");
  for (const NamedType& known : kTypes) {
    if (known.storage == type) storage.type = known.type;
  }
  if (!storage.type.has_value()) {
    return Invalid("a storage is of the type ", Quoted(name), ", which is not read");
  }
  constexpr int64_t kMost = INT64_MAX / 8;
  if (storage.elements > kMost) {
    return Invalid("a storage of ", storage.elements, " elements is too large to address");
  }
  return storage;
}

absl::StatusOr<std::optional<TorchTensor>> TorchTensorOf(const Pickle& pickle, PickleRef ref) {
  constexpr int kDeepest = 8;  // a parameter of a tensor of a subclass: two or three in practice
  for (int depth = 0; depth < kDeepest; ++depth) {
    const PickleValue& value = pickle[ref];
    if (value.kind != Kind::kObject) return std::nullopt;
    absl::string_view function = GlobalName(pickle, value.callable);
    const std::vector<PickleRef>* args = &pickle[value.args].items;
    if (function == "torch._tensor._rebuild_from_type_v2" && args->size() >= 3) {
      // (function, the tensor's class, the function's arguments, state)
      function = GlobalName(pickle, (*args)[0]);
      args = &pickle[(*args)[2]].items;
    }
    if (function == "torch._utils._rebuild_tensor" ||
        function == "torch._utils._rebuild_tensor_v2" ||
        function == "torch._utils._rebuild_tensor_v3") {
      WEFT_ASSIGN_OR_RETURN(TorchTensor tensor, Rebuild(pickle, function, *args));
      return tensor;
    }
    if (function == "torch._utils._rebuild_parameter" ||
        function == "torch._utils._rebuild_parameter_with_state") {
      if (args->empty()) return Invalid("its call of ", function, " lacks arguments");
      ref = (*args)[0];
      continue;
    }
    if (absl::StartsWith(function, "torch._utils._rebuild_")) {
      return Invalid("it is rebuilt by ", function, ", which is not read: dense tensors alone are");
    }
    return std::nullopt;
  }
  return Invalid("it is wrapped more than ", kDeepest, " times");
}

}  // namespace weft
