#ifndef WEFT_LUA_COMPLETION_H_
#define WEFT_LUA_COMPLETION_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lua/program.h"

namespace weft {

// What could stand where the text that has been typed ends.
struct Completions {
  size_t begin = 0;  // of the word that is to be completed
  std::vector<std::string> words;
};

// Node types and functions after "weft.", a node's inputs inside of "weft.X{", else the names that
// the session knows.
Completions Complete(LuaProgram& program, absl::string_view typed);

}  // namespace weft

#endif  // WEFT_LUA_COMPLETION_H_
