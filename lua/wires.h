#ifndef WEFT_LUA_WIRES_H_
#define WEFT_LUA_WIRES_H_

#include <lua.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/graph/graph_def.h"

namespace weft {

// Wires and nodes of a graph that is being written, as Lua sees them: `model.clip` is a wire, and
// so is a node that has one output.

// `graph`: the number of the graph (Building).
void PushWire(lua_State* L, int graph, Wire wire);
void PushNode(lua_State* L, int graph, std::string id, std::string type,
              std::vector<std::string> outputs);

bool IsWire(lua_State* L, int index);

// What feeds an input: a wire, a table of wires, or a literal. Wires of other graphs are refused.
absl::StatusOr<InputDef> InputAt(lua_State* L, int index);
// The same for places where only wires may stand.
absl::StatusOr<InputDef> WireAt(lua_State* L, int index);

// The entries of the table at `index` by name, in alphabetical order (Lua has none of its own).
// Leaves the stack as it was; `read` finds each value on top of it.
absl::Status ForEachNamed(lua_State* L, int index,
                          absl::FunctionRef<absl::Status(const std::string&)> read);

void OpenWires(lua_State* L);

}  // namespace weft

#endif  // WEFT_LUA_WIRES_H_
