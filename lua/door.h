#ifndef WEFT_LUA_DOOR_H_
#define WEFT_LUA_DOOR_H_

#include <lua.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "lua/state.h"
#include "nodes/weft_runtime.h"
#include "runtime/graph/graph_builder.h"
#include "runtime/pipeline.h"

namespace weft {

// A graph that a script is writing. The number tells its wires from those of other graphs.
struct Building {
  int number;
  GraphBuilder builder;
};

// What the functions of the table `weft` work on. While a graph is being written, calling a node
// adds it there; otherwise it runs the node, where the script may do that.
struct Door {
  // Of graph files: they write graphs and run nothing.
  Door(const Runtime& graphs_runtime, std::string graph_folder)
      : runtime(graphs_runtime), folder(std::move(graph_folder)) {}

  static Door& Of(lua_State* L) { return *static_cast<Door*>(LuaState::Of(L).door); }

  const Runtime& runtime;
  std::string folder;                               // where composites and relative paths begin
  std::vector<std::unique_ptr<Building>> building;  // the innermost is last
  int graphs = 0;                                   // begun so far

  // Of live scripts alone.
  const WeftRuntime* weft = nullptr;
  RunOptions defaults;  // of runs

  bool is_building() const { return !building.empty(); }
  bool is_live() const { return weft != nullptr; }
  // The contract of a type, from the graph's own composites first; NOT_FOUND with the nearest name.
  absl::StatusOr<Contract> FindContract(const std::string& type);
  // All types that can be called.
  std::vector<std::string> TypeNames() const;
};

// Puts the table `weft` into the global of that name, with what the state's door allows.
void OpenWeft(lua_State* L);

// The parts of it. Each adds its functions to the table on top of the stack.
void OpenGraphFunctions(lua_State* L);
void OpenLiveFunctions(lua_State* L);
void OpenGraphObjects(lua_State* L);  // of live scripts: graphs as values

// weft.X{…} of a live script: runs the node.
absl::StatusOr<int> CallNode(lua_State* L, const std::string& type);
// weft.X{…} of a graph that is being written: adds the node.
absl::StatusOr<int> AddNode(lua_State* L, const std::string& type);

// Begins a graph, runs the function at `index` without arguments, and gives the graph.
absl::StatusOr<GraphDef> BuildGraph(lua_State* L, int index, GraphDef start);

// A graph for a live script: graph:run{…}.
void PushGraph(lua_State* L, Pipeline pipeline);

}  // namespace weft

#endif  // WEFT_LUA_DOOR_H_
