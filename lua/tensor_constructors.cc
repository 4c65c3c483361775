// How scripts make tensors: of tables, of one value, of random numbers, of other tensors.

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lua/call.h"
#include "lua/tensor_arguments.h"
#include "lua/tensor_math.h"
#include "lua/values.h"
#include "nodes/sampling/generator.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr int64_t kElementsAStep = 16;

// weft.tensor{{1, 2}, {3, 4}}

absl::Status Flatten(lua_State* L, int index, size_t d, std::vector<int64_t>& dims,
                     std::vector<float>& values) {
  LuaState::Of(L).Charge(L, 1);
  luaL_checkstack(L, 4, "too many dimensions");
  if (lua_type(L, index) == LUA_TNUMBER) {
    if (d < dims.size()) return Invalid("rows of different lengths");
    values.push_back(static_cast<float>(lua_tonumber(L, index)));
    return absl::OkStatus();
  }
  if (!lua_istable(L, index)) {
    return Invalid("expected numbers, or tables of them, not ", KindAt(L, index));
  }
  const auto length = static_cast<int64_t>(lua_rawlen(L, index));
  if (d == dims.size() && values.empty() && d < 8) {
    dims.push_back(length);
  } else if (d >= dims.size() || dims[d] != length) {
    return Invalid("rows of different lengths");
  }
  for (int64_t i = 1; i <= length; ++i) {
    lua_rawgeti(L, index, i);
    WEFT_RETURN_IF_ERROR(Flatten(L, lua_gettop(L), d + 1, dims, values));
    lua_pop(L, 1);
  }
  return absl::OkStatus();
}

absl::StatusOr<int> NewTensor(lua_State* L) {
  std::vector<int64_t> dims;
  std::vector<float> values;
  WEFT_RETURN_IF_ERROR(Flatten(L, 1, 0, dims, values));
  return Give(L, Tensor::Of<float>(Shape(dims), values));
}

// The shape at 1, if a tensor of it may be made.
absl::StatusOr<std::vector<int64_t>> NewShape(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(std::vector<int64_t> dims, CheckInts(L, 1));
  WEFT_ASSIGN_OR_RETURN(const Shape shape, Shape::Checked(dims, sizeof(float)));
  WEFT_RETURN_IF_ERROR(MayHold(L, shape));
  ChargeFor(L, shape.numel());
  return dims;
}

absl::StatusOr<int> Zeros(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const std::vector<int64_t> dims, NewShape(L));
  return Give(L, Full(dims, 0));
}

absl::StatusOr<int> NewFull(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const std::vector<int64_t> dims, NewShape(L));
  WEFT_ASSIGN_OR_RETURN(const double value, CheckNumber(L, 2));
  return Give(L, Full(dims, static_cast<float>(value)));
}

// The numbers that torch.randn gives; second result: the generator after the draws.
absl::StatusOr<int> Randn(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const std::vector<int64_t> dims, NewShape(L));
  std::optional<Rng> rng;
  if (const std::shared_ptr<const Object> object = ObjectAt(L, 2)) {
    if (object->type_name() != Generator::kTypeName) {
      return Invalid("expected a generator or a seed, not ", object->type_name());
    }
    rng = static_cast<const Generator&>(*object).rng();
  } else {
    absl::StatusOr<int64_t> seed = CheckInt(L, 2);
    if (!seed.ok()) return Invalid("expected a generator or a seed, not ", KindAt(L, 2));
    rng.emplace(static_cast<uint64_t>(*seed));
  }
  WEFT_ASSIGN_OR_RETURN(Tensor out, Full(dims, 0));
  rng->Normal(absl::MakeSpan(out.mutable_data<float>(), static_cast<size_t>(out.numel())));
  PushTensor(L, std::move(out));
  PushValue(L, Value(std::shared_ptr<const Object>(std::make_shared<Generator>(*std::move(rng)))));
  return 2;
}

// weft.concat({a, b}, dim)
absl::StatusOr<int> NewConcat(lua_State* L) {
  if (!lua_istable(L, 1)) return Invalid("expected a table of tensors, not ", KindAt(L, 1));
  std::vector<Tensor> tensors;
  const auto count = static_cast<int64_t>(lua_rawlen(L, 1));
  int64_t values = 0;
  for (int64_t i = 1; i <= count; ++i) {
    lua_rawgeti(L, 1, i);
    WEFT_ASSIGN_OR_RETURN(tensors.emplace_back(), CheckTensor(L, -1));
    ChargeFor(L, tensors.back().numel());
    values += tensors.back().numel();
    WEFT_RETURN_IF_ERROR(MayHold(L, Shape({values})));
    lua_pop(L, 1);
  }
  int64_t dim = 0;
  if (!lua_isnoneornil(L, 2)) {
    WEFT_ASSIGN_OR_RETURN(dim, DimAt(L, 2));
  }
  return Give(L, Concat(tensors, dim));
}

}  // namespace

absl::StatusOr<int64_t> DimAt(lua_State* L, int index) {
  WEFT_ASSIGN_OR_RETURN(const int64_t dim, CheckInt(L, index));
  if (dim == 0) return Invalid("dimensions count from 1, or from -1 at the end");
  return dim > 0 ? dim - 1 : dim;
}

absl::StatusOr<int> Give(lua_State* L, const absl::StatusOr<Tensor>& tensor) {
  if (!tensor.ok()) return tensor.status();
  PushTensor(L, *tensor);
  return 1;
}

void ChargeFor(lua_State* L, int64_t values) {
  LuaState::Of(L).Charge(L, 16 + values / kElementsAStep);
}

absl::Status MayHold(lua_State* L, const Shape& shape) {
  const LuaState& state = LuaState::Of(L);
  if (!state.sandboxed() ||
      shape.numel() <= static_cast<int64_t>(state.limits().tensors / sizeof(float))) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("a tensor of shape ", shape.ToString(), " is more than a script may hold"));
}

void OpenTensorConstructors(lua_State* L) {
  constexpr luaL_Reg kConstructors[] = {{"tensor", Call<NewTensor>}, {"zeros", Call<Zeros>},
                                        {"full", Call<NewFull>},     {"randn", Call<Randn>},
                                        {"concat", Call<NewConcat>}, {nullptr, nullptr}};
  luaL_setfuncs(L, kConstructors, 0);
}

}  // namespace weft
