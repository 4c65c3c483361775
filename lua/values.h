#ifndef WEFT_LUA_VALUES_H_
#define WEFT_LUA_VALUES_H_

#include <cstdint>
#include <lua.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lua/state.h"
#include "runtime/graph/value.h"

namespace weft {

// Values of weft in Lua: scalars are scalars; lists and records are tables, copied in both
// directions; tensors and objects are userdata that share. Nothing is nil, and weft.null inside of
// lists.

void PushValue(lua_State* L, const Value& value);
// The value at `index`, or what it cannot be. A table with whole numbers 1..n as keys is a list (an
// empty one too), one with texts a record.
absl::StatusOr<Value> ToValue(lua_State* L, int index);

void PushTensor(lua_State* L, Tensor tensor);
// Null where it is none.
const Tensor* TensorAt(lua_State* L, int index);
absl::StatusOr<Tensor> CheckTensor(lua_State* L, int index);
// The numbers of a table, such as a shape.
absl::StatusOr<std::vector<int64_t>> CheckInts(lua_State* L, int index);
absl::StatusOr<int64_t> CheckInt(lua_State* L, int index);
absl::StatusOr<double> CheckNumber(lua_State* L, int index);
absl::StatusOr<std::string> CheckText(lua_State* L, int index);

// "weft.null": nothing, where nil would leave a gap.
void PushNull(lua_State* L);
bool IsNull(lua_State* L, int index);

// What a value is, in the words of its user: "a table", "a tensor", "scheduler".
std::string KindAt(lua_State* L, int index);

// The metatable of objects.
void OpenObjects(lua_State* L);
// The metatable of tensors, and in the table on top of the stack what makes them: tensor, zeros,
// full, randn, concat.
void OpenTensors(lua_State* L);
// A method for objects of one type: `scheduler:steps(20)`. Called with the object first.
void AddObjectMethod(lua_State* L, const char* type, const char* name, lua_CFunction method);
// The object at `index` if it is of `type`, or null.
std::shared_ptr<const Object> ObjectAt(lua_State* L, int index);

}  // namespace weft

#endif  // WEFT_LUA_VALUES_H_
