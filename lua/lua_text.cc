#include "lua/lua_text.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace weft {
namespace {

constexpr size_t kWidth = 100;

// The shortest text that reads back as `x`.
std::string Number(double x) { return nlohmann::json(x).dump(); }

}  // namespace

bool IsLuaKeyword(absl::string_view word) {
  static const auto* const words = new std::set<absl::string_view>{
      "and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
      "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
      "repeat",   "return", "then", "true", "until",  "while"};
  return words->count(word) > 0;
}

namespace {

bool IsIdentifier(absl::string_view text) {
  if (text.empty() || absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) return false;
  return !IsLuaKeyword(text) && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_';
  });
}

}  // namespace

std::string QuoteLua(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      absl::StrAppend(&quoted, "\\n");
    } else if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppendFormat(&quoted, "\\%03d", static_cast<int>(byte));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string LuaText(const std::string& text) {
  const bool plain = std::none_of(text.begin(), text.end(), [](unsigned char c) {
    return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
  });
  if (!plain || !absl::StrContains(text, '\n')) return QuoteLua(text);
  std::string level;
  while (absl::StrContains(text, "]" + level + "]") || absl::EndsWith(text, "]" + level)) {
    level += '=';
  }
  return absl::StrCat("[", level, "[\n", text, "]", level, "]");
}

std::string LuaKey(absl::string_view name) {
  return IsIdentifier(name) ? std::string(name) : absl::StrCat("[", QuoteLua(name), "]");
}

std::string LuaMember(absl::string_view name) {
  return IsIdentifier(name) ? absl::StrCat(".", name) : absl::StrCat("[", QuoteLua(name), "]");
}

std::string LuaBound(double x) { return std::string(absl::StripSuffix(Number(x), ".0")); }

std::string LuaLiteral(const Value& value) {
  if (const bool* x = value.AsBool()) return *x ? "true" : "false";
  if (const int64_t* x = value.AsInt()) {
    return *x == std::numeric_limits<int64_t>::min() ? "math.mininteger" : absl::StrCat(*x);
  }
  if (const double* x = value.AsFloat()) return Number(*x);
  if (const std::string* x = value.AsText()) return LuaText(*x);
  if (const List* list = value.AsList()) {
    std::vector<std::string> items;
    for (const Value& item : *list) items.push_back(LuaLiteral(item));
    return absl::StrCat("{", absl::StrJoin(items, ", "), "}");
  }
  return "weft.null";
}

std::string LuaTable(const std::vector<std::string>& members, int indent, size_t column) {
  const std::string one = absl::StrCat("{", absl::StrJoin(members, ", "), "}");
  if (!absl::StrContains(one, '\n') && column + one.size() <= kWidth) return one;
  std::string text = "{";
  const std::string margin(static_cast<size_t>(indent) + 2, ' ');
  for (const std::string& member : members) absl::StrAppend(&text, "\n", margin, member, ",");
  return absl::StrCat(text, "\n", std::string(static_cast<size_t>(indent), ' '), "}");
}

}  // namespace weft
