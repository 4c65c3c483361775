// Scripts that mean ill. Each ends with an error that says why, or cannot do what it wants, and the
// program goes on.

#include "lua/sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "lua/door.h"
#include "lua/state.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

constexpr char kInstructions[] = "used more than 2,000,000 instructions";
constexpr char kMemory[] = "bytes of memory";
constexpr char kString[] = "made a string longer than 1,048,576 bytes";

struct Hostile {
  const char* name;
  const char* script;
  const char* message;  // in the error; or, from "=", what the script returns
};

// What the script gives as text, or its error.
std::string Outcome(const std::string& script) {
  ScriptLimits limits;
  limits.instructions = 2'000'000;
  limits.memory = size_t{16} << 20;
  limits.string = size_t{1} << 20;
  limits.tensors = size_t{64} << 20;
  limits.seconds = 5;
  absl::StatusOr<std::unique_ptr<LuaState>> state = LuaState::Sandboxed(limits);
  if (!state.ok()) return std::string(state.status().message());
  std::string returned;
  const absl::Status status = (*state)->Protected([&](lua_State* L) {
    OpenWeft(L);
    (*state)->Load(L, script, "@hostile.lua");
    lua_call(L, 0, 1);
    returned = luaL_tolstring(L, -1, nullptr);
  });
  return status.ok() ? "=" + returned : std::string(status.message());
}

class HostileScript : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileScript, EndsWithTheReasonAndTheHostGoesOn) {
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(Outcome(GetParam().script), HasSubstr(GetParam().message));
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), 15);
  EXPECT_EQ(Outcome("return 1 + 1"), "=2") << "the next script works as ever";
}

const Hostile kHostile[] = {
    // Never ending.
    {"EndlessLoop", "while true do end", kInstructions},
    {"EndlessRepeat", "repeat until false", kInstructions},
    {"EndlessGoto", "::a:: goto a", kInstructions},
    {"EndlessTailCall", "local function f() return f() end f()", kInstructions},
    {"EndlessForLoop", "for i = 1, math.huge do end", kInstructions},
    {"EndlessLoopInPcall", "while true do pcall(function() while true do end end) end",
     kInstructions},
    {"PcallOfPcallForEver", "local function f() while true do pcall(f) end end f()", kInstructions},
    {"EndlessLoopInXpcallsHandler",
     "xpcall(function() while true do end end, function() while true do end end)", kInstructions},
    {"EndlessHandlerOfAnOrdinaryError", "xpcall(error, function() while true do end end)",
     kInstructions},
    {"EndlessLoopInACoroutine", "coroutine.wrap(function() while true do end end)()",
     kInstructions},
    {"CoroutinesThatCatchTheLimit",
     "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
     kInstructions},
    {"ManyShortCoroutines", "while true do coroutine.wrap(function() end)() end", kInstructions},
    {"CoroutinesThatYieldForEver",
     "local f = coroutine.wrap(function() while true do coroutine.yield() end end) while true do "
     "f() end",
     kInstructions},
    {"ClosingAVariableForEver",
     "local x <close> = setmetatable({}, {__close = function() while true do end end})",
     kInstructions},
    {"ClosingAVariableForEverAfterTheLimit",
     "local x <close> = setmetatable({}, {__close = function() while true do end end}) while true "
     "do end",
     kInstructions},
    {"ClosingACoroutineThatClosesForEver",
     "local c = coroutine.create(function() local x <close> = setmetatable({}, {__close = "
     "function() while true do end end}) coroutine.yield() end) coroutine.resume(c) "
     "coroutine.close(c)",
     kInstructions},
    {"AWrappedCoroutineThatClosesForEver",
     "coroutine.wrap(function() local x <close> = setmetatable({}, {__close = function() while "
     "true do end end}) while true do end end)()",
     kInstructions},
    {"IndexMetamethodForEver",
     "local t = setmetatable({}, {__index = function(t, k) return t[k .. 'x'] end}) return t.a",
     "stack overflow"},
    {"IndexLoop", "local t = {} setmetatable(t, {__index = t}) return t.x", "loop"},
    {"EqualityForEver",
     "local m = {__eq = function() while true do end end} return setmetatable({}, m) == "
     "setmetatable({}, m)",
     kInstructions},
    {"ToStringForEverInAnError",
     "error(setmetatable({}, {__tostring = function() while true do end end}))", "used more than"},
    {"ToStringThatGivesNoText", "error(setmetatable({}, {__tostring = function() return {} end}))",
     "must return a string"},
    {"NextForEver", "local t = {1} while true do for k in next, t do end end", kInstructions},
    {"PairsMetamethodForEver",
     "for k in pairs(setmetatable({}, {__pairs = function() return function() return 1 end end})) "
     "do end",
     kInstructions},
    // The library's own loops.
    {"ConcatOfEndlessLength",
     "return table.concat(setmetatable({}, {__index = function() return '' end}), '', 1, "
     "math.maxinteger)",
     kInstructions},
    {"ConcatThroughACFunction",
     "return table.concat(setmetatable({}, {__index = type}), '', 1, math.maxinteger)", kString},
    {"LengthThatLies",
     "return table.concat(setmetatable({}, {__len = function() return math.maxinteger end, "
     "__index = function() return '' end}))",
     kInstructions},
    {"MoveOfEndlessLength", "table.move({}, 1, math.maxinteger - 1, 2)", kInstructions},
    {"MoveWrapsAround", "table.move({}, 1, 10, math.maxinteger - 3)", "wraps around"},
    {"InsertIntoALengthThatLies",
     "table.insert(setmetatable({}, {__len = function() return math.maxinteger - 2 end}), 1, 0)",
     kInstructions},
    {"RemoveFromALengthThatLies",
     "table.remove(setmetatable({}, {__len = function() return math.maxinteger - 2 end}), 1)",
     kInstructions},
    {"UnpackOfEndlessLength", "return table.unpack({}, 1, math.maxinteger)",
     "too many results to unpack"},
    {"UnpackOfTheWholeStack", "return select('#', table.unpack({}, 1, 200000))", "=200000"},
    {"SortWithABadComparison",
     "local t = {} for i = 1, 2000 do t[i] = i end table.sort(t, function() return true end)",
     "invalid order function"},
    {"SortWithAnEndlessComparison", "table.sort({3, 2, 1}, function() while true do end end)",
     kInstructions},
    {"SortWithARandomComparisonForEver",
     "local t = {} for i = 1, 1000 do t[i] = i end while true do pcall(table.sort, t, "
     "function(a, b) return math.random() < 0.5 end) end",
     kInstructions},
    {"SortWithACFunction",
     "local t = {} for i = 1, 200000 do t[i] = i end while true do pcall(table.sort, t, rawequal) "
     "end",
     kInstructions},
    // Patterns.
    {"PatternBomb", "return ('a'):rep(5000):find(('a*'):rep(20) .. 'b')", kInstructions},
    {"LazyPatternBomb", "return ('a'):rep(5000):find(('a-'):rep(20) .. 'b')", kInstructions},
    {"PatternBombInPcall",
     "while true do pcall(string.find, ('a'):rep(5000), ('a*'):rep(20) .. 'b') end", kInstructions},
    {"PatternBombInGsub", "return (('a'):rep(5000):gsub(('a?'):rep(150) .. 'b', ''))",
     kInstructions},
    {"PatternBombInGmatch", "for x in ('a'):rep(5000):gmatch(('.-'):rep(20) .. 'b') do end",
     kInstructions},
    {"PatternOfManyParts", "return ('x'):find(('x?'):rep(10000))", "too complex"},
    {"PatternOfEndlessLength", "return ('x'):find(('x'):rep(100000) .. '*')", "longer than"},
    {"PatternWithManyCaptures", "return ('x'):find(('()'):rep(100))", "too many captures"},
    {"BalanceOverAndOver", "return (('('):rep(1000000):find('%b()'))", kInstructions},
    {"FrontierAtTheEdges", "return (('x'):gsub('%f[%z]', 'y'))", "=xy"},
    {"BackReferenceToNothing", "return ('x'):find('%1')", "invalid capture index"},
    {"GsubThatGrows", "return (('x'):rep(100000):gsub('x', ('y'):rep(100)))", kString},
    {"GsubIntoItself", "local s = 'x' for i = 1, 100 do s = s:gsub('x', 'xx') end", kString},
    // Memory.
    {"StringRepBomb", "return ('x'):rep(1e9)", kString},
    {"StringRepOverflow", "return ('xxxx'):rep(math.maxinteger)", kString},
    {"StringRepWithSeparator", "return (''):rep(1e9, 'x')", kString},
    {"StringRepOfNothing", "return #(''):rep(math.maxinteger)", "=0"},
    {"RepInPcallForEver", "while true do pcall(string.rep, 'x', 1e9) end", kInstructions},
    {"DoublingAString", "local s = 'x' while true do s = s .. s end", kString},
    {"DoublingInPcall",
     "local s = 'x' while true do local ok, t = pcall(function() return s .. s end) if ok then s = "
     "t end end",
     kInstructions},
    {"TableBomb", "local t = {} while true do t = {t, t} t[#t + 1] = ('x'):rep(1000) end", kMemory},
    {"GrowingTable", "local t = {} for i = 1, 1e9 do t[i] = i end", kMemory},
    {"ManyStrings", "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(100000) .. i end", kMemory},
    {"ClosuresForEver", "local t = {} while true do t[#t + 1] = function() return t end end",
     kMemory},
    {"DeepRecursion", "local function f(x) return 1 + f(x) end f(1)", kMemory},
    {"RecursionThroughPcall", "local function f() pcall(f) end f() return 'survived'", "survived"},
    {"RecursionThroughGsub", "local function f() return (('x'):gsub('x', f)) end f()",
     "stack overflow"},
    {"RecursionThroughSort", "local function f() table.sort({2, 1}, f) end f()", "stack overflow"},
    {"RecursionThroughCoroutines", "local function f() return coroutine.wrap(f)() end f()",
     "overflow"},
    {"RecursionThroughToString",
     "local t t = setmetatable({}, {__tostring = function() return tostring(t) end}) return "
     "tostring(t)",
     "stack overflow"},
    {"DeeplyNestedSource", "return #('return ' .. ('('):rep(500))", "=507"},
    {"FormatWidth", "return string.format('%999999999d', 1)", "invalid conversion"},
    {"FormatOfLargeTexts", "local s = ('x'):rep(1000000) return string.format('%s%s', s, s)",
     kString},
    {"HugePack", "return string.pack('s', ('x'):rep(1000000)) .. ('x'):rep(1000000)", kString},
    {"ByteOfAll", "return select('#', ('x'):rep(1000000):byte(1, -1))", "too long"},
    {"VarargBomb", "local function f(...) return f(1, ...) end return f()",
     "the script ran longer than 5 seconds"},
    // Ways out.
    {"NoIo", "return io.open('/etc/passwd')", "global 'io'"},
    {"NoOs", "return os.getenv('HOME')", "global 'os'"},
    {"NoDebug", "return debug.getregistry()", "global 'debug'"},
    {"NoPackage", "return package.loadlib", "global 'package'"},
    {"NoRequire", "return require('io')", "global 'require'"},
    {"NoDofile", "return dofile('/etc/passwd')", "global 'dofile'"},
    {"NoLoadfile", "return loadfile('/etc/passwd')", "global 'loadfile'"},
    {"NoLoad", "return load('return 1')", "global 'load'"},
    {"NoLoadstring", "return loadstring('return 1')", "global 'loadstring'"},
    {"NoCollectgarbage", "return collectgarbage('count')", "global 'collectgarbage'"},
    {"NoBytecode", "return string.dump(function() end)", "nil value (field 'dump')"},
    {"NoFinalisers", "setmetatable({}, {__gc = function() while true do end end})", "__gc"},
    {"NoFinalisersByAFalseOne", "setmetatable({}, {__gc = true})", "__gc"},
    {"NothingHidesInG",
     "local found = {} for k in pairs(_G) do found[#found + 1] = k end table.sort(found) return "
     "table.concat(found, ' ')",
     "=_G _VERSION assert coroutine error getmetatable ipairs math next pairs pcall print rawequal "
     "rawget rawlen rawset select setmetatable string table tonumber tostring type utf8 warn weft "
     "xpcall"},
    {"AnotherEnvironmentGivesNothing", "local _ENV = {} return io", "=nil"},
    {"NoEnvironmentAtAll", "local _ENV <const> = nil return x", "nil value"},
    {"EnvironmentOfAFunction", "return getfenv", "=nil"},
    {"MetatableOfStringsIsHidden", "return getmetatable('').__index", "boolean value"},
    {"MetatableOfTensorsIsHidden", "return getmetatable(weft.zeros{1})", "=false"},
    {"MetatableOfTensorsStays", "setmetatable(weft.zeros{1}, {})", "table expected"},
    {"FinaliserOfTensorsIsOutOfReach", "return weft.zeros{1}.__gc", "no \"__gc\""},
    {"StringLibraryIsOnesOwn", "string.rep = nil return ('x').rep", "=nil"},
    {"ProtectedMetatable", "setmetatable(setmetatable({}, {__metatable = 1}), {})",
     "protected metatable"},
    // Tensors.
    {"HugeTensor", "return weft.zeros{1000000, 1000000}", "more than a script may hold"},
    {"TensorOfOverflowingShape", "return weft.zeros{1 << 40, 1 << 40}", "too large"},
    {"NegativeTensor", "return weft.zeros{-1}", "negative extent"},
    {"ManyTensors", "local t = {} while true do t[#t + 1] = weft.zeros{1000, 1000} end",
     "bytes of tensors"},
    {"TensorsForEver", "while true do local t = weft.zeros{1000, 1000} end", kInstructions},
    {"StretchedTensors", "return weft.zeros{100000, 1} + weft.zeros{1, 100000}",
     "more than a script may hold"},
    {"ConcatOfOneTensorOverAndOver",
     "local t, x = {}, weft.zeros{100000} for i = 1, 1000 do t[i] = x end return weft.concat(t)",
     "more than a script may hold"},
    {"TensorTable", "return weft.zeros{2000000}:totable()", kInstructions},
    {"TensorOfATableThatHoldsItself", "local t = {} t[1] = t return weft.tensor(t)",
     "different lengths"},
    {"TensorOutOfRange", "return weft.zeros{2}[3]", "no place 3"},
    {"TensorSliceOutOfRange", "return weft.zeros{2}:slice(1, 1, 1 << 62)", "no place"},
    {"TensorDimOutOfRange", "return weft.zeros{2}:sum(-2)", "no dimension -2"},
    {"RollByTheLargest", "return #weft.zeros{3}:roll(1, math.mininteger)", "=3"},
    {"ReshapeToNothing", "return weft.zeros{3}:reshape{0, -1}", "cannot be cut"},
    {"TensorMethodOnSomethingElse", "return weft.zeros{1}.sum('x')", "expected a tensor"},
};

INSTANTIATE_TEST_SUITE_P(Sandbox, HostileScript, ::testing::ValuesIn(kHostile),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Sandbox, RefusesBytecode) { EXPECT_THAT(Outcome("\x1bLua"), HasSubstr("binary chunk")); }

TEST(Sandbox, RefusesSourceThatIsNestedAbsurdly) {
  EXPECT_THAT(Outcome("return " + std::string(10'000, '(')), HasSubstr("overflow"));
  EXPECT_THAT(Outcome("return " + std::string(10'000, '{')), HasSubstr("overflow"));
  EXPECT_THAT(Outcome("return " + std::string(10'000, '-') + "1"), HasSubstr("=nil"));
}

TEST(Sandbox, StopsByTheClock) {
  ScriptLimits limits;
  limits.instructions = int64_t{1} << 60;
  limits.seconds = 0.05;
  absl::StatusOr<std::unique_ptr<LuaState>> state = LuaState::Sandboxed(limits);
  ASSERT_TRUE(state.ok());
  const absl::Status status = (*state)->Protected([&](lua_State* L) {
    (*state)->Load(L, "while true do pcall(function() while true do end end) end", "@slow.lua");
    lua_call(L, 0, 0);
  });
  EXPECT_THAT(std::string(status.message()), HasSubstr("slow.lua:1: the script ran longer than"));
}

TEST(Sandbox, StopsWhereTheRunIsCancelled) {
  const std::atomic<bool> cancelled{true};
  ScriptLimits limits;
  limits.cancelled = &cancelled;
  absl::StatusOr<std::unique_ptr<LuaState>> state = LuaState::Sandboxed(limits);
  ASSERT_TRUE(state.ok());
  const absl::Status status = (*state)->Protected([&](lua_State* L) {
    (*state)->Load(L, "while true do end", "@test.lua");
    lua_call(L, 0, 0);
  });
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

TEST(Sandbox, LimitsNameFileAndLine) {
  EXPECT_THAT(Outcome("\nwhile true do\nend"), HasSubstr("hostile.lua:2: the script used more"));
  EXPECT_THAT(Outcome("\n\nlocal t = {} for i = 1, 1e9 do t[i] = i end"),
              HasSubstr("hostile.lua:3: the script used more"));
}

TEST(Sandbox, RandomNumbersAreTheSameEachTime) {
  const std::string first = Outcome("return math.random(1000000)");
  EXPECT_EQ(Outcome("return math.random(1000000)"), first);
}

}  // namespace
}  // namespace weft
