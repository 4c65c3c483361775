#ifndef WEFT_LUA_LUA_TEXT_H_
#define WEFT_LUA_LUA_TEXT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/graph/value.h"

namespace weft {

// Pieces of Lua source.

bool IsLuaKeyword(absl::string_view word);
std::string QuoteLua(absl::string_view text);
// Text of several lines between brackets, as it stands; other text in quotes.
std::string LuaText(const std::string& text);
// A name as a key of a table: name, or ["a name"].
std::string LuaKey(absl::string_view name);
// A name behind a table: .name, or ["a name"].
std::string LuaMember(absl::string_view name);
std::string LuaLiteral(const Value& value);
// A bound, which is a number of either kind: without a ".0" that nobody would write.
std::string LuaBound(double x);
// What a table holds: on one line where it fits, else one member a line. `column`: how much of the
// line is taken already.
std::string LuaTable(const std::vector<std::string>& members, int indent, size_t column);

}  // namespace weft

#endif  // WEFT_LUA_LUA_TEXT_H_
