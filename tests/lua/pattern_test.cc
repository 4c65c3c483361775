// Our matcher against what Lua's own library says.

#include "lua/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lua.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

// What string.find of the library gives for the first match: "begin end captures…", or "none".
std::string Reference(const std::string& subject, const std::string& pattern, lua_Integer from) {
  const std::unique_ptr<lua_State, void (*)(lua_State*)> state(luaL_newstate(), lua_close);
  lua_State* L = state.get();
  luaL_openlibs(L);
  lua_getglobal(L, "string");
  lua_getfield(L, -1, "find");
  lua_pushlstring(L, subject.data(), subject.size());
  lua_pushlstring(L, pattern.data(), pattern.size());
  lua_pushinteger(L, from + 1);
  const int below = lua_gettop(L) - 4;
  if (lua_pcall(L, 3, LUA_MULTRET, 0) != LUA_OK) return "error";
  if (lua_isnil(L, below + 1)) return "none";
  std::string text;
  for (int i = below + 1; i <= lua_gettop(L); ++i) {
    size_t size = 0;
    const char* item = luaL_tolstring(L, i, &size);
    absl::StrAppend(&text, absl::string_view(item, size), " ");
    lua_pop(L, 1);
  }
  return text;
}

std::string Ours(const std::string& subject, const std::string& pattern, size_t from) {
  const absl::StatusOr<Pattern> compiled = Pattern::Compile(pattern);
  if (!compiled.ok()) return "error";
  int64_t steps = 1'000'000;
  const absl::StatusOr<std::optional<Pattern::Match>> match = compiled->Find(subject, from, steps);
  if (!match.ok()) return "error";
  if (!match->has_value()) return "none";
  std::string text = absl::StrCat((*match)->begin + 1, " ", (*match)->end, " ");
  for (const Pattern::Capture& capture : (*match)->captures) {
    if (capture.position) {
      absl::StrAppend(&text, capture.begin + 1, " ");
    } else {
      absl::StrAppend(&text, subject.substr(capture.begin, capture.end - capture.begin), " ");
    }
  }
  return text;
}

TEST(Pattern, FindsWhatLuasOwnMatcherFinds) {
  const std::vector<std::string> subjects = {"",
                                             "a",
                                             "hello world",
                                             "key = value",
                                             "THE (quick) fox",
                                             "x=1, y=22, z=333",
                                             "aaaaab",
                                             "[[nested]]",
                                             "f(a(b)c)d)",
                                             "tab\tand\nline",
                                             "%d",
                                             std::string("nul\0in", 6),
                                             "2026-11-21",
                                             "abcabc",
                                             "  trim  ",
                                             "a.b.c",
                                             "日本",
                                             "----",
                                             "]-^"};
  const std::vector<std::string> patterns = {"",
                                             "a",
                                             "l+",
                                             "(%w+)%s*=%s*(%w+)",
                                             "%((.-)%)",
                                             "(%a)=(%d+)",
                                             "a-b",
                                             "a*b",
                                             "a+b",
                                             "a?b",
                                             "%b()",
                                             "%b[]",
                                             "^a",
                                             "b$",
                                             "^$",
                                             "()ll()",
                                             "%f[%w]%w+",
                                             "%f[%a]",
                                             "[abc]+",
                                             "[^abc]+",
                                             "[a-c]",
                                             "[%w_]+",
                                             "[]]",
                                             "[^]]",
                                             "(%w)%1",
                                             "(a*(.)%w(%s*))",
                                             ".-",
                                             ".*",
                                             "%.",
                                             "%%d",
                                             "%z",
                                             "[%]]",
                                             "^%s*(.-)%s*$",
                                             "(%d+)-(%d+)-(%d+)",
                                             "[+-]",
                                             "[a-]",
                                             "a.-c",
                                             "%S+",
                                             "[%a-z]",
                                             "$",
                                             "a$b",
                                             "%d%d?",
                                             "(()a*())",
                                             "x*x*x*x*b",
                                             "[%",
                                             "(",
                                             "%",
                                             "[a",
                                             "%b",
                                             "%f",
                                             "%1",
                                             "(%1)",
                                             "(a)(b)%3",
                                             "[^",
                                             "%bxy",
                                             "\\",
                                             "[[]"};
  int compared = 0;
  for (const std::string& subject : subjects) {
    for (const std::string& pattern : patterns) {
      for (size_t from = 0; from <= std::min<size_t>(subject.size(), 2); ++from) {
        // The library reports some malformed patterns only where it gets that far.
        const std::string ours = Ours(subject, pattern, from);
        const std::string expected = Reference(subject, pattern, static_cast<lua_Integer>(from));
        if (ours == "error" && expected == "none") continue;
        EXPECT_EQ(ours, expected) << "\"" << subject << "\" with \"" << pattern << "\" from "
                                  << from;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 2000);
}

TEST(Pattern, StopsWhereItsStepsRunOut) {
  const absl::StatusOr<Pattern> pattern = Pattern::Compile("a*a*a*a*a*a*a*a*a*a*b");
  ASSERT_TRUE(pattern.ok());
  int64_t steps = 100'000;
  const auto match = pattern->Find(std::string(1000, 'a'), 0, steps);
  EXPECT_EQ(match.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LT(steps, 0);
}

TEST(Pattern, RefusesNestingThatWouldUseUpTheStack) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "a?";
  const absl::StatusOr<Pattern> pattern = Pattern::Compile(text);
  ASSERT_TRUE(pattern.ok());
  int64_t steps = 1'000'000;
  EXPECT_THAT(std::string(pattern->Find("aaaa", 0, steps).status().message()),
              HasSubstr("too complex"));
}

TEST(Pattern, RefusesPatternsThatAreTooLong) {
  EXPECT_THAT(std::string(Pattern::Compile(std::string(100'000, 'a')).status().message()),
              HasSubstr("longer than"));
}

}  // namespace
}  // namespace weft
