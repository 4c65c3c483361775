#include "lua/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "runtime/graph/problem.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

// Runs `text` in a sandbox and gives the text that it returns, or its error.
std::string Returned(const std::string& text) {
  absl::StatusOr<std::unique_ptr<LuaState>> state = LuaState::Sandboxed(ScriptLimits());
  if (!state.ok()) return std::string(state.status().message());
  std::string returned;
  const absl::Status status = (*state)->Protected([&](lua_State* L) {
    (*state)->Load(L, text, "@test.lua");
    lua_call(L, 0, 1);
    returned = luaL_tolstring(L, -1, nullptr);
  });
  return status.ok() ? returned : std::string(status.message());
}

TEST(LuaState, RunsPlainScripts) {
  EXPECT_EQ(Returned("local x = 0; for i = 1, 10 do x = x + i end; return x"), "55");
  EXPECT_EQ(Returned("return math.floor(3.7) .. utf8.char(228)"), "3ä");
}

TEST(LuaState, BoundedStringsDoWhatLuasOwnDo) {
  EXPECT_EQ(Returned("return ('ab'):rep(3, '-')"), "ab-ab-ab");
  EXPECT_EQ(Returned("return ('hello'):find('l', 1, true)"), "3");
  EXPECT_EQ(Returned("return ('hello'):match('(h)(.)') .. ('x'):upper()"), "hX");
  EXPECT_EQ(Returned("return (('a=1, b=2'):gsub('(%w)=(%w)', '%2=%1'))"), "1=a, 2=b");
  EXPECT_EQ(Returned("return (('hello'):gsub('', '-'))"), "-h-e-l-l-o-");
  EXPECT_EQ(Returned("return (('hello'):gsub('l', {l = 'L'}))"), "heLLo");
  EXPECT_EQ(Returned("return (('hello'):gsub('.', function(c) if c == 'e' then return 'E' end "
                     "end, 3))"),
            "hEllo");
  EXPECT_EQ(Returned("local t = {} for k, v in ('a=1,b=2'):gmatch('(%w)=(%w)') do t[#t + 1] = k .. "
                     "v end return table.concat(t, ' ')"),
            "a1 b2");
  EXPECT_EQ(Returned("return string.format('%5.2f|%s|%q', 1/3, 'x', 'y')"), " 0.33|x|\"y\"");
}

TEST(LuaState, BoundedTablesDoWhatLuasOwnDo) {
  EXPECT_EQ(Returned("local t = {3, 1, 2} table.sort(t) return table.concat(t, ',')"), "1,2,3");
  EXPECT_EQ(Returned("local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return "
                     "table.concat(t, ',')"),
            "3,2,1");
  EXPECT_EQ(Returned("local t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) return "
                     "table.concat(t, ',') .. table.remove(t) .. table.remove(t, 1) .. #t"),
            "0,1,2,3302");
  EXPECT_EQ(Returned("return table.concat(table.move({1, 2, 3}, 1, 3, 2), ',')"), "1,1,2,3");
  EXPECT_EQ(Returned("return select('#', table.unpack({1, 2, nil, 4}, 1, 4)) .. table.pack(1, "
                     "nil).n"),
            "42");
}

TEST(LuaState, BoundedCoroutinesDoWhatLuasOwnDo) {
  EXPECT_EQ(Returned("local f = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return "
                     "b * 2 end) return f(1) .. ' ' .. f(21)"),
            "2 42");
  EXPECT_EQ(Returned("local c = coroutine.create(function() error({1}) end) local ok, e = "
                     "coroutine.resume(c) return tostring(ok) .. type(e) .. coroutine.status(c)"),
            "falsetabledead");
  EXPECT_EQ(Returned("local c = coroutine.create(function() coroutine.yield() end) "
                     "coroutine.resume(c) local s = coroutine.status(c) return s .. "
                     "tostring(coroutine.close(c)) .. coroutine.status(c)"),
            "suspendedtruedead");
  EXPECT_EQ(Returned("return select(2, coroutine.resume(coroutine.wrap(function() end)))"),
            "test.lua:1: bad argument #1 to 'resume' (coroutine expected, got function)");
  // A protected call may yield.
  EXPECT_EQ(Returned("local f = coroutine.wrap(function() return pcall(function() "
                     "coroutine.yield('y') error('e', 0) end) end) local a = f() local ok, e = f() "
                     "return a .. tostring(ok) .. e"),
            "yfalsee");
}

TEST(LuaState, ProtectedCallsGiveWhatLuasOwnGive) {
  EXPECT_EQ(Returned("local ok, e = pcall(error, 'x', 0) return tostring(ok) .. e"), "falsex");
  EXPECT_EQ(Returned("local a, b, c = pcall(function(...) return ... end, 1, 2) return "
                     "tostring(a) .. b .. c"),
            "true12");
  EXPECT_EQ(Returned("local ok, e = xpcall(function() error('x', 0) end, function(m) return m .. "
                     "'!' end) return tostring(ok) .. e"),
            "falsex!");
  EXPECT_EQ(Returned("local a, b, c = xpcall(function(...) return ... end, print, 1, 2) return "
                     "tostring(a) .. b .. c"),
            "true12");
}

TEST(LuaState, ErrorsNameFileAndLine) {
  absl::StatusOr<std::unique_ptr<LuaState>> state = LuaState::Sandboxed(ScriptLimits());
  ASSERT_TRUE(state.ok());
  const absl::Status status = (*state)->Protected([&](lua_State* L) {
    (*state)->Load(L, "\n\nlocal x = nil + 1", "@folder/test.lua");
    lua_call(L, 0, 0);
  });
  const std::vector<Problem> problems = ProblemsOf(status);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].file, "folder/test.lua");
  EXPECT_EQ(problems[0].line, 3);
  EXPECT_THAT(problems[0].message, HasSubstr("arithmetic on a nil value"));
}

TEST(LuaState, ATrustedOneHasTheUsualLibraries) {
  absl::StatusOr<std::unique_ptr<LuaState>> state = LuaState::Trusted(nullptr);
  ASSERT_TRUE(state.ok());
  const absl::Status status = (*state)->Protected([&](lua_State* L) {
    (*state)->Load(L, "assert(io and os and require and load and debug)", "@test.lua");
    lua_call(L, 0, 0);
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST(LuaState, AFlagStopsATrustedScript) {
  const std::atomic<bool> cancelled{true};
  absl::StatusOr<std::unique_ptr<LuaState>> state = LuaState::Trusted(&cancelled);
  ASSERT_TRUE(state.ok());
  const absl::Status status = (*state)->Protected([&](lua_State* L) {
    (*state)->Load(L, "while true do end", "@test.lua");
    lua_call(L, 0, 0);
  });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

}  // namespace
}  // namespace weft
