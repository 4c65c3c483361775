#ifndef WEFT_LUA_TENSOR_ARGUMENTS_H_
#define WEFT_LUA_TENSOR_ARGUMENTS_H_

#include <cstdint>
#include <lua.hpp>

#include "absl/status/statusor.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// What the functions for tensors share.

// A dimension of Lua (1, 2 … or -1, -2 …) as tensor_math counts them.
absl::StatusOr<int64_t> DimAt(lua_State* L, int index);
// Counts the work on so many values.
void ChargeFor(lua_State* L, int64_t values);
// An error where a tensor of this shape would be more than all that a script may hold.
absl::Status MayHold(lua_State* L, const Shape& shape);
// Pushes the tensor as the one result.
absl::StatusOr<int> Give(lua_State* L, const absl::StatusOr<Tensor>& tensor);

// weft.tensor, zeros, full, randn and concat, into the table on top of the stack.
void OpenTensorConstructors(lua_State* L);

}  // namespace weft

#endif  // WEFT_LUA_TENSOR_ARGUMENTS_H_
