// Tensors in Lua: arithmetic, slices, statistics. Dimensions and places count from 1, as Lua does,
// and from the end if negative.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lua/call.h"
#include "lua/tensor_arguments.h"
#include "lua/tensor_math.h"
#include "lua/userdata.h"
#include "lua/values.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

struct HeldTensor {
  static constexpr char kLuaName[] = "weft.tensor";
  Tensor tensor;
  LuaState* state;
  ~HeldTensor() { state->RemoveTensorBytes(tensor.bytes()); }
};

// A place in a dimension of `length`, from 0.
absl::StatusOr<int64_t> PlaceAt(lua_State* L, int index, int64_t length) {
  WEFT_ASSIGN_OR_RETURN(const int64_t place, CheckInt(L, index));
  const int64_t at = place > 0 ? place - 1 : place + length;
  if (place != 0 && at >= 0 && at < length) return at;
  return Invalid("there is no place ", place, " in a dimension of ", length);
}

absl::StatusOr<Tensor> Self(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(Tensor t, CheckTensor(L, 1));
  ChargeFor(L, t.numel());
  return t;
}

// A tensor, or a number as one without dimensions.
absl::StatusOr<Tensor> Operand(lua_State* L, int index) {
  if (lua_type(L, index) == LUA_TNUMBER) {
    return Full({}, static_cast<float>(lua_tonumber(L, index)));
  }
  const Tensor* tensor = TensorAt(L, index);
  if (tensor == nullptr) return Invalid("expected a tensor or a number, not ", KindAt(L, index));
  return *tensor;
}

template <typename F>
absl::StatusOr<int> CombineArguments(lua_State* L, F f) {
  WEFT_ASSIGN_OR_RETURN(const Tensor a, Operand(L, 1));
  WEFT_ASSIGN_OR_RETURN(const Tensor b, Operand(L, 2));
  ChargeFor(L, a.numel());
  ChargeFor(L, b.numel());
  // Two small tensors may stretch into a large one.
  WEFT_ASSIGN_OR_RETURN(const Shape shape, Broadcast(a.shape(), b.shape()));
  WEFT_RETURN_IF_ERROR(MayHold(L, shape));
  ChargeFor(L, shape.numel());
  return Give(L, Combine(a, b, f));
}

float Power(float x, float y) { return std::pow(x, y); }

absl::StatusOr<int> Add(lua_State* L) {
  return CombineArguments(L, [](float x, float y) { return x + y; });
}
absl::StatusOr<int> Subtract(lua_State* L) {
  return CombineArguments(L, [](float x, float y) { return x - y; });
}
absl::StatusOr<int> Multiply(lua_State* L) {
  return CombineArguments(L, [](float x, float y) { return x * y; });
}
absl::StatusOr<int> Divide(lua_State* L) {
  return CombineArguments(L, [](float x, float y) { return x / y; });
}
absl::StatusOr<int> Raise(lua_State* L) { return CombineArguments(L, Power); }
absl::StatusOr<int> Less(lua_State* L) {
  return CombineArguments(L, [](float x, float y) { return x < y ? 1.0f : 0.0f; });
}
absl::StatusOr<int> LessOrEqual(lua_State* L) {
  return CombineArguments(L, [](float x, float y) { return x <= y ? 1.0f : 0.0f; });
}
absl::StatusOr<int> Greater(lua_State* L) {
  return CombineArguments(L, [](float x, float y) { return x > y ? 1.0f : 0.0f; });
}
absl::StatusOr<int> GreaterOrEqual(lua_State* L) {
  return CombineArguments(L, [](float x, float y) { return x >= y ? 1.0f : 0.0f; });
}
absl::StatusOr<int> Equal(lua_State* L) {
  return CombineArguments(L, [](float x, float y) { return x == y ? 1.0f : 0.0f; });
}
absl::StatusOr<int> Minimum(lua_State* L) {
  return CombineArguments(L, [](float x, float y) { return std::fmin(x, y); });
}
absl::StatusOr<int> Maximum(lua_State* L) {
  return CombineArguments(L, [](float x, float y) { return std::fmax(x, y); });
}

template <typename F>
absl::StatusOr<int> MapSelf(lua_State* L, F f) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, Self(L));
  return Give(L, Map(t, f));
}

absl::StatusOr<int> Negate(lua_State* L) {
  return MapSelf(L, [](float x) { return -x; });
}
absl::StatusOr<int> Abs(lua_State* L) {
  return MapSelf(L, [](float x) { return std::fabs(x); });
}
absl::StatusOr<int> Sqrt(lua_State* L) {
  return MapSelf(L, [](float x) { return std::sqrt(x); });
}
absl::StatusOr<int> Exp(lua_State* L) {
  return MapSelf(L, [](float x) { return std::exp(x); });
}
absl::StatusOr<int> Log(lua_State* L) {
  return MapSelf(L, [](float x) { return std::log(x); });
}

absl::StatusOr<int> Clamp(lua_State* L) {
  float low = -INFINITY;
  float high = INFINITY;
  if (!lua_isnoneornil(L, 2)) {
    WEFT_ASSIGN_OR_RETURN(const double x, CheckNumber(L, 2));
    low = static_cast<float>(x);
  }
  if (!lua_isnoneornil(L, 3)) {
    WEFT_ASSIGN_OR_RETURN(const double x, CheckNumber(L, 3));
    high = static_cast<float>(x);
  }
  return MapSelf(
      L, [low, high](float x) { return std::isnan(x) ? x : std::fmin(std::fmax(x, low), high); });
}

// a + (b - a) weight
absl::StatusOr<int> Lerp(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor a, Self(L));
  WEFT_ASSIGN_OR_RETURN(const Tensor b, Operand(L, 2));
  WEFT_ASSIGN_OR_RETURN(const double weight, CheckNumber(L, 3));
  const auto w = static_cast<float>(weight);
  ChargeFor(L, b.numel());
  return Give(L, Combine(a, b, [w](float x, float y) { return x + (y - x) * w; }));
}

template <Reduction how>
absl::StatusOr<int> ReduceSelf(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, Self(L));
  if (lua_isnoneornil(L, 2)) {
    WEFT_ASSIGN_OR_RETURN(const double x, Reduce(t, how));
    lua_pushnumber(L, x);
    return 1;
  }
  WEFT_ASSIGN_OR_RETURN(const int64_t dim, DimAt(L, 2));
  return Give(L, ReduceDim(t, how, dim));
}

absl::StatusOr<int> SliceSelf(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, Self(L));
  WEFT_ASSIGN_OR_RETURN(const int64_t dim, DimAt(L, 2));
  WEFT_ASSIGN_OR_RETURN(const int d, CheckDim(t, dim));
  WEFT_ASSIGN_OR_RETURN(const int64_t first, PlaceAt(L, 3, t.dim(d)));
  int64_t last = t.dim(d) - 1;
  if (!lua_isnoneornil(L, 4)) {
    WEFT_ASSIGN_OR_RETURN(last, PlaceAt(L, 4, t.dim(d)));
  }
  return Give(L, Slice(t, d, first, last));
}

absl::StatusOr<int> ReshapeSelf(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, Self(L));
  WEFT_ASSIGN_OR_RETURN(std::vector<int64_t> dims, CheckInts(L, 2));
  return Give(L, Reshape(t, std::move(dims)));
}

absl::StatusOr<int> PermuteSelf(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, Self(L));
  WEFT_ASSIGN_OR_RETURN(std::vector<int64_t> order, CheckInts(L, 2));
  for (int64_t& dim : order) {
    if (dim == 0) return Invalid("dimensions count from 1, or from -1 at the end");
    if (dim > 0) --dim;
  }
  return Give(L, Permute(t, order));
}

absl::StatusOr<int> TransposeSelf(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, Self(L));
  WEFT_ASSIGN_OR_RETURN(const int64_t a, DimAt(L, 2));
  WEFT_ASSIGN_OR_RETURN(const int64_t b, DimAt(L, 3));
  WEFT_ASSIGN_OR_RETURN(const int x, CheckDim(t, a));
  WEFT_ASSIGN_OR_RETURN(const int y, CheckDim(t, b));
  std::vector<int64_t> order;
  for (int i = 0; i < t.rank(); ++i) order.push_back(i == x ? y : i == y ? x : i);
  return Give(L, Permute(t, order));
}

absl::StatusOr<int> RollSelf(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, Self(L));
  WEFT_ASSIGN_OR_RETURN(const int64_t dim, DimAt(L, 2));
  WEFT_ASSIGN_OR_RETURN(const int64_t shift, CheckInt(L, 3));
  return Give(L, Roll(t, dim, shift));
}

absl::StatusOr<int> Convert(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, Self(L));
  WEFT_ASSIGN_OR_RETURN(const std::string name, CheckText(L, 2));
  const std::optional<DType> dtype = DTypeFromName(name);
  if (!dtype.has_value()) {
    return Invalid("there is no dtype \"", name, "\"",
                   DidYouMean(name, {"f32", "bf16", "f16", "u8", "i32", "i64"}));
  }
  WEFT_RETURN_IF_ERROR(AsF32(t).status());
  return Give(L, t.To(*dtype, Allocator(Device::kCpu)));
}

void PushShape(lua_State* L, const Tensor& t) {
  lua_createtable(L, t.rank(), 0);
  for (int i = 0; i < t.rank(); ++i) {
    lua_pushinteger(L, t.dim(i));
    lua_rawseti(L, -2, i + 1);
  }
}

// Nested tables of the values of dimension `d` on, from `values` on.
const float* PushNested(lua_State* L, const Tensor& t, int d, const float* values) {
  luaL_checkstack(L, 4, "too many dimensions");
  if (d == t.rank()) {
    lua_pushnumber(L, static_cast<lua_Number>(*values));
    return values + 1;
  }
  lua_createtable(L, static_cast<int>(std::min<int64_t>(t.dim(d), 1 << 20)), 0);
  for (int64_t i = 0; i < t.dim(d); ++i) {
    values = PushNested(L, t, d + 1, values);
    lua_rawseti(L, -2, i + 1);
  }
  return values;
}

absl::StatusOr<int> ToTable(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, Self(L));
  LuaState::Of(L).Charge(L, t.numel());
  WEFT_ASSIGN_OR_RETURN(const Tensor values, AsF32(t));
  PushNested(L, values, 0, values.data<float>());
  return 1;
}

absl::StatusOr<int> Item(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, CheckTensor(L, 1));
  if (t.numel() != 1)
    return Invalid("only a tensor of one value is a number, not one of shape ",
                   t.shape().ToString());
  WEFT_ASSIGN_OR_RETURN(const Tensor value, AsF32(t));
  lua_pushnumber(L, static_cast<lua_Number>(*value.data<float>()));
  return 1;
}

// t[i]: the i-th of the first dimension; t.shape, t.dtype; methods (upvalue 1).
absl::StatusOr<int> Index(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, CheckTensor(L, 1));
  if (lua_type(L, 2) == LUA_TNUMBER) {
    if (t.rank() == 0) return Invalid("a tensor without dimensions has no places");
    WEFT_ASSIGN_OR_RETURN(const int64_t at, PlaceAt(L, 2, t.dim(0)));
    WEFT_ASSIGN_OR_RETURN(const Tensor row, Slice(t, 0, at, at));
    ChargeFor(L, row.numel());
    const absl::Span<const int64_t> dims = t.shape().dims().subspan(1);
    WEFT_ASSIGN_OR_RETURN(const Tensor picked, row.Reshape(Shape(dims)));
    if (t.rank() > 1) return Give(L, picked);
    WEFT_ASSIGN_OR_RETURN(const Tensor value, AsF32(picked));
    lua_pushnumber(L, static_cast<lua_Number>(*value.data<float>()));
    return 1;
  }
  WEFT_ASSIGN_OR_RETURN(const std::string name, CheckText(L, 2));
  if (name == "shape") {
    PushShape(L, t);
    return 1;
  }
  if (name == "dtype") {
    lua_pushstring(L, std::string(Name(t.dtype())).c_str());
    return 1;
  }
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
  std::vector<std::string> names = {"shape", "dtype"};
  lua_pushnil(L);
  while (lua_next(L, lua_upvalueindex(1)) != 0) {
    lua_pop(L, 1);
    names.emplace_back(lua_tostring(L, -1));
  }
  std::sort(names.begin(), names.end());
  const std::string nearest = NearestName(name, names);
  return Invalid("a tensor has no \"", name, "\"",
                 nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?"));
}

absl::StatusOr<int> Length(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, CheckTensor(L, 1));
  lua_pushinteger(L, t.rank() > 0 ? t.dim(0) : 0);
  return 1;
}

absl::StatusOr<int> ToText(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Tensor t, CheckTensor(L, 1));
  lua_pushstring(L, absl::StrCat("tensor ", Name(t.dtype()), " ", t.shape().ToString()).c_str());
  return 1;
}

}  // namespace

void PushTensor(lua_State* L, Tensor tensor) {
  LuaState& state = LuaState::Of(L);
  state.AddTensorBytes(L, tensor.bytes());
  PushUserdata<HeldTensor>(L, std::move(tensor), &state);
}

const Tensor* TensorAt(lua_State* L, int index) {
  const auto* held = UserdataAt<HeldTensor>(L, index);
  return held != nullptr ? &held->tensor : nullptr;
}

absl::StatusOr<Tensor> CheckTensor(lua_State* L, int index) {
  const Tensor* tensor = TensorAt(L, index);
  if (tensor == nullptr) return Invalid("expected a tensor, not ", KindAt(L, index));
  return *tensor;
}

void OpenTensors(lua_State* L) {
  constexpr luaL_Reg kOperators[] = {
      {"__add", Call<Add>},    {"__sub", Call<Subtract>},    {"__mul", Call<Multiply>},
      {"__div", Call<Divide>}, {"__pow", Call<Raise>},       {"__unm", Call<Negate>},
      {"__len", Call<Length>}, {"__tostring", Call<ToText>}, {nullptr, nullptr}};
  constexpr luaL_Reg kMethods[] = {{"lt", Call<Less>},
                                   {"le", Call<LessOrEqual>},
                                   {"gt", Call<Greater>},
                                   {"ge", Call<GreaterOrEqual>},
                                   {"eq", Call<Equal>},
                                   {"minimum", Call<Minimum>},
                                   {"maximum", Call<Maximum>},
                                   {"abs", Call<Abs>},
                                   {"sqrt", Call<Sqrt>},
                                   {"exp", Call<Exp>},
                                   {"log", Call<Log>},
                                   {"clamp", Call<Clamp>},
                                   {"lerp", Call<Lerp>},
                                   {"sum", Call<ReduceSelf<Reduction::kSum>>},
                                   {"mean", Call<ReduceSelf<Reduction::kMean>>},
                                   {"min", Call<ReduceSelf<Reduction::kMin>>},
                                   {"max", Call<ReduceSelf<Reduction::kMax>>},
                                   {"std", Call<ReduceSelf<Reduction::kStd>>},
                                   {"slice", Call<SliceSelf>},
                                   {"reshape", Call<ReshapeSelf>},
                                   {"permute", Call<PermuteSelf>},
                                   {"transpose", Call<TransposeSelf>},
                                   {"roll", Call<RollSelf>},
                                   {"to", Call<Convert>},
                                   {"totable", Call<ToTable>},
                                   {"item", Call<Item>},
                                   {nullptr, nullptr}};
  MakeMetatable<HeldTensor>(L, kOperators);
  luaL_newlib(L, kMethods);
  lua_pushcclosure(L, Call<Index>, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  OpenTensorConstructors(L);
}

}  // namespace weft
