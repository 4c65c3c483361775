// Live scripts: nodes and graphs run by calling them. The scripts assert; what they raise is the
// test's message.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "lua/attach.h"
#include "lua/completion.h"
#include "lua/definitions.h"
#include "lua/program.h"
#include "nodes/weft_runtime.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

WeftRuntime& Weft() {
  static WeftRuntime* const weft = [] {
    std::unique_ptr<WeftRuntime> made = *WeftRuntime::Make("", "");
    EXPECT_TRUE(AttachLua(*made).ok());
    return made.release();
  }();
  return *weft;
}

absl::Status RunScript(const std::string& script) {
  absl::StatusOr<std::unique_ptr<LuaProgram>> program = LuaProgram::Make(Weft(), nullptr);
  if (!program.ok()) return program.status();
  return (*program)->RunText(script, "@live.lua");
}
std::string Error(const std::string& script) { return std::string(RunScript(script).message()); }

#define EXPECT_RUNS(script)                     \
  do {                                          \
    const absl::Status ran = RunScript(script); \
    EXPECT_TRUE(ran.ok()) << ran.message();     \
  } while (false)

TEST(LiveLua, TensorsComputeAsNumpyDoes) {
  EXPECT_RUNS(R"(
    local t = weft.tensor{{1, 2, 3}, {4, 5, 6}}
    assert(t.shape[1] == 2 and t.shape[2] == 3 and t.dtype == "f32" and #t == 2)
    assert((t * 2 + 1)[2][3] == 13 and (1 - t)[1][1] == 0 and (-t)[1][1] == -1)
    assert((t / t):sum() == 6 and (t ^ 2)[2][1] == 16)
    assert(t:mean() == 3.5 and t:min() == 1 and t:max() == 6 and t:sum(1)[2] == 7)
    assert(t:slice(2, 2, -1).shape[2] == 2 and t[-1][-1] == 6)
    assert(t:reshape{3, -1}.shape[2] == 2 and t:transpose(1, 2)[3][1] == 3)
    assert(t:permute{2, 1}.shape[1] == 3 and t:roll(2, 1)[1][1] == 3)
    assert(weft.concat({t, t}, 1).shape[1] == 4)
    assert(t:lt(3)[1][3] == 0 and t:ge(3)[1][3] == 1)
    assert(t:clamp(2, 5):min() == 2 and t:clamp(nil, 3):max() == 3)
    assert(t:lerp(t * 3, 0.5)[1][1] == 2)
    assert(t:to("u8").dtype == "u8" and t:totable()[2][1] == 4)
    assert(weft.zeros{2, 2}:sum() == 0 and weft.full({3}, 2):sum() == 6)
    assert(tostring(t) == "tensor f32 [2, 3]" and weft.type(t) == "tensor")
    assert(math.abs(weft.tensor{4}:sqrt():exp():log():abs():item() - 2) < 1e-6)
  )");
}

TEST(LiveLua, RandnGivesTorchsNumbers) {
  EXPECT_RUNS(R"(
    local noise = weft.randn({4}, 0)  -- torch.manual_seed(0); torch.randn(4)
    local expected = {1.5409961, -0.2934289, -2.1787894, 0.5684313}
    for i = 1, 4 do assert(math.abs(noise[i] - expected[i]) < 1e-5, noise[i]) end
    local first, generator = weft.randn({16}, weft.Generator{seed = 5})
    local again = weft.randn({16}, 5)
    assert((first - again):abs():max() == 0)
    assert((weft.randn({16}, generator) - again):abs():max() > 0.1)
  )");
}

TEST(LiveLua, NodesRunWhenTheyAreCalled) {
  EXPECT_RUNS(R"(
    local mask = weft.RectangleMask{width = 8, height = 4, left = 0, top = 0, right = 4, bottom = 4}
    assert(mask.shape[2] == 4 and mask:sum() == 16)
    assert(weft.InvertMask{mask = mask}:sum() == 16)
    local model = weft.LoadModel{path = "models/sketch"}
    assert(weft.type(model.vae) == "vae")
    local scheduler = weft.DDIMScheduler{config = model.scheduler_config}
    local count = 0
    for i, step in scheduler:steps(5) do
      count = count + 1
      assert(i == count and step.index == i - 1 and (step.next ~= nil) == (i < 5))
    end
    assert(count == 5)
  )");
}

TEST(LiveLua, GraphsRunFromFilesAndFromFunctions) {
  EXPECT_RUNS(R"(
    local graph = weft.graph(function()
      local width = weft.param{"width", type = "int", default = 8}
      local mask = weft.RectangleMask{"mask", width = width, height = 4, left = 0, top = 0, right = 4, bottom = 4}
      weft.output{"mask", mask}
      weft.output{"width", width}
    end)
    assert(graph:run().mask.shape[3] == 8 and graph:run{width = 16}.mask.shape[3] == 16)
    assert(weft.run(graph, {width = 4}).width == 4)
    assert(graph:run(nil, {set = {["mask.height"] = 2}}).mask.shape[2] == 2)
    local params = graph:params()
    assert(#params == 1 and params[1].name == "width" and params[1].default == 8)
    assert(graph:check{width = 2} == true)
    assert(graph:json():find('"RectangleMask"', 1, true) and graph:svg():find("<svg", 1, true))
    assert(graph:lua():find("weft.RectangleMask{", 1, true))
    assert(#weft.load("txt2img"):params() == 3)
  )");
}

constexpr char kCounter[] = R"(
  local graph = weft.graph(function()
    local start = weft.RectangleMask{"start", width = 4, height = 4, left = 0, top = 0, right = 4, bottom = 4}
    local items = weft.LuaFunction{"items", source = "return {1, 2, 3, 4, 5}",
                                   ports = {outputs = {items = {type = "list<int>"}}}}
    local loop = weft.Loop{"loop", over = items, carry = {mask = start, n = 0},
      body = function(loop)
        local add = weft.LuaFunction{"add", n = loop.n, by = 1, source = "return n + by",
          ports = {inputs = {n = {type = "int"}, by = {type = "int"}},
                   outputs = {n = {type = "int"}}}}
        local mask = weft.InvertMask{"invert", mask = loop.mask}
        return {next = {mask = mask, n = add}, collect = {ns = add}}
      end}
    weft.output{"n", loop.n}
    weft.output{"ns", loop.ns}
    weft.output{"mask", loop.mask}
  end)
)";

TEST(LiveLua, RunsStayWithinABudgetOfMemory) {
  EXPECT_RUNS(R"(
    local graph = weft.load("txt2img")
    local function draw(memory)
      return graph:run({steps = 1}, {memory = memory, precision = "f32"}).image
    end
    local kept = draw(nil)
    assert((draw("low") - kept):abs():max() == 0)
    assert((draw("16G") - kept):abs():max() == 0)
    local ok, message = pcall(draw, "1M")
    assert(not ok and message:find("a memory of 1.0 MB is not enough", 1, true), message)
    ok, message = pcall(draw, "a lot")
    assert(not ok and message:find("option \"memory\": \"a lot\" is no amount of memory", 1, true), message)
  )");
}

TEST(LiveLua, CallsStayWithinABudgetOfMemory) {
  EXPECT_RUNS(R"(
    local vae = weft.LoadModel{path = "models/sketch"}.vae
    local latent = weft.randn({1, 4, 8, 8}, 1)
    local kept = weft.VaeDecode{vae = vae, latent = latent}
    weft.options{memory = "low"}
    assert((weft.VaeDecode{vae = vae, latent = latent} - kept):abs():max() == 0)
    weft.options{memory = "1M"}
    local ok, message = pcall(weft.VaeDecode, {vae = vae, latent = latent})
    assert(not ok and message:find("is not enough", 1, true), message)
    weft.options{memory = ""}
    assert((weft.VaeDecode{vae = vae, latent = latent} - kept):abs():max() == 0)
  )");
}

TEST(LiveLua, StepCallbacksSeeAndChangeTheLoop) {
  EXPECT_RUNS(std::string(kCounter) + R"(
    local seen = {}
    local result = graph:run(nil, {on_step = function(step)
      seen[#seen + 1] = step.carried.n
      assert(step.index == #seen - 1 and step.total == 5 and step.loop == "loop")
      assert(step.collected.ns == step.carried.n)
      if step.index == 1 then step.carried.n = 100 end
      if step.index == 2 then step:set("by", 10) end
      step.carried.mask = step.carried.mask * 1
    end})
    assert(table.concat(seen, " ") == "1 2 101 111 121", table.concat(seen, " "))
    assert(result.n == 121 and #result.ns == 5)
  )");
}

TEST(LiveLua, StepCallbacksStopALoop) {
  EXPECT_RUNS(std::string(kCounter) + R"(
    local result = graph:run(nil, {on_step = function(step)
      if step.index == 2 then step:stop() end
    end})
    assert(result.n == 3 and #result.ns == 3)
  )");
}

TEST(LiveLua, MistakesInCallbacksEndTheRun) {
  EXPECT_THAT(Error(std::string(kCounter) + "graph:run(nil, {on_step = function(step) "
                                            "step.carried.m = 1 end})"),
              HasSubstr("carries no \"m\"; there are: mask, n"));
  EXPECT_THAT(Error(std::string(kCounter) +
                    "graph:run(nil, {on_progress = function() error(\"oh no\") end})"),
              HasSubstr("live.lua:18: oh no"));
  EXPECT_THAT(Error(std::string(kCounter) + "local kept graph:run(nil, {on_step = function(step) "
                                            "kept = step end}) kept:stop()"),
              HasSubstr("the step is over"));
  EXPECT_THAT(Error(std::string(kCounter) + "graph:run(nil, {on_step = function(step) "
                                            "step:set(\"bye\", 1) end})"),
              HasSubstr("did you mean"));
}

TEST(LiveLua, ProgressIsReported) {
  EXPECT_RUNS(std::string(kCounter) + R"(
    local told = {}
    graph:run(nil, {on_progress = function(node, done, total)
      told[#told + 1] = node .. done .. "/" .. total
    end})
    assert(told[#told] == "loop5/5", told[#told])
  )");
}

TEST(LiveLua, BadCallsGiveOneLineWithTheNearestName) {
  const struct {
    const char* script;
    const char* message;
  } kCalls[] = {
      {"weft.VaeDecod{}",
       "live.lua:1: weft has no node or function \"VaeDecod\"; did you mean "
       "\"VaeDecode\"?"},
      {"weft.InvertMask{msk = 1}", "live.lua:1: InvertMask has no input \"msk\""},
      {"weft.InvertMask{}", "\"mask\""},
      {"weft.InvertMask{mask = \"x\"}", "\"mask\" expects"},
      {"weft.InvertMask{mask = weft.zeros{3}}", "InvertMask"},
      {"weft.InvertMask{mask = print}", "InvertMask, \"mask\": a function is no value"},
      {"return weft.LoadModel{path = \"models/sketch\"}.vea",
       "has no output \"vea\"; did you mean "
       "\"vae\"?"},
      {"weft.InvertMask{mask = weft.LoadModel{path = \"models/sketch\"}}", "name one of them"},
      {"weft.Generator{seed = 1.5}", "\"seed\" expects int, not float"},
      {"weft.load(\"txt2imgg\")", "there is no graph \"txt2imgg\"; did you mean \"txt2img\"?"},
      {"weft.load(\"txt2img\"):run{prompd = \"x\"}", "prompd"},
      {"weft.load(\"txt2img\"):run({}, {on_stepp = print})",
       "there is no option \"on_stepp\"; did "
       "you mean \"on_step\"?"},
      {"weft.load(\"txt2img\"):rnu{}", "a graph has no \"rnu\""},
      {"weft.run(3)", "weft.run takes a graph or the path of one, not number"},
      {"weft.param{\"x\", type = \"int\"}", "no graph is being written here"},
      {"weft.options{presicion = \"f32\"}", "did you mean \"precision\"?"},
      {"weft.zeros{2}:summ()", "a tensor has no \"summ\"; did you mean \"sum\"?"},
      {"return weft.zeros{2} + weft.zeros{3}", "shapes [2] and [3] do not go together"},
      {"return weft.zeros{2} + \"x\"", "expected a tensor or a number, not string"},
      {"weft.save(weft.zeros{1, 2, 2, 3}, \"x.gif\")", "\"path\""},
  };
  for (const auto& call : kCalls) {
    const std::string error = Error(call.script);
    EXPECT_THAT(error, HasSubstr(call.message)) << call.script;
    EXPECT_THAT(error, Not(HasSubstr("\n"))) << call.script;
  }
}

TEST(LiveLua, MistakesCanBeCaught) {
  EXPECT_RUNS(R"(
    local ok, message = pcall(function() return weft.InvertMask{msk = 1} end)
    assert(not ok and type(message) == "string" and message:find("msk", 1, true))
  )");
}

TEST(LiveLua, SavesPicturesAndTensors) {
  const ScratchFolder folder;
  EXPECT_RUNS("local f = \"" + folder.path() + R"("
    local picture = weft.full({1, 4, 6, 3}, 0.5)
    assert(weft.save(picture, f .. "/a.png")[1]:find("a.png", 1, true))
    assert(#weft.save(weft.concat({picture, picture}, 1), f .. "/b.png") == 2)
    local back = weft.LoadImage{path = f .. "/a.png"}.image
    assert(back.shape[2] == 4 and back.shape[3] == 6 and back.dtype == "u8")
    weft.save(picture, f .. "/c.safetensors")
    assert((weft.LoadTensor{path = f .. "/c.safetensors"} - picture):abs():max() == 0)
  )");
}

TEST(LiveLua, ALineThatEndsTooEarlyAsksForMore) {
  absl::StatusOr<std::unique_ptr<LuaProgram>> program = LuaProgram::Make(Weft(), nullptr);
  ASSERT_TRUE(program.ok());
  std::string error;
  EXPECT_EQ((*program)->RunTyped("for i = 1, 2 do", error), LuaProgram::Line::kUnfinished);
  EXPECT_EQ((*program)->RunTyped("for i = 1, 2 do\nend", error), LuaProgram::Line::kDone);
  EXPECT_EQ((*program)->RunTyped("x = = 1", error), LuaProgram::Line::kFailed);
  EXPECT_THAT(error, HasSubstr("unexpected symbol"));
}

TEST(LiveLua, CompletesNodesInputsAndNames) {
  absl::StatusOr<std::unique_ptr<LuaProgram>> program = LuaProgram::Make(Weft(), nullptr);
  ASSERT_TRUE(program.ok());
  EXPECT_THAT(Complete(**program, "x = weft.VaeD").words, ElementsAre("VaeDecode"));
  EXPECT_THAT(Complete(**program, "weft.TextO").words, ElementsAre("TextOr"));
  EXPECT_THAT(Complete(**program, "weft.ran").words, ElementsAre("randn"));
  EXPECT_THAT(Complete(**program, "weft.VaeDecode{va").words, ElementsAre("vae = "));
  EXPECT_THAT(Complete(**program, "weft.VaeDecode{vae = f{x}, l").words, ElementsAre("latent = "));
  EXPECT_THAT(Complete(**program, "string.for").words, ElementsAre("format"));
  EXPECT_THAT(Complete(**program, "tostr").words, ElementsAre("tostring"));
  EXPECT_EQ(Complete(**program, "weft.VaeD").begin, 5u);
}

TEST(LuaDefinitions, NameEveryNodeInputAndOutput) {
  std::vector<Contract> contracts = Weft().InstalledComposites();
  const std::string text = LuaDefinitions(Weft().registry(), contracts);
  for (const auto& type : Weft().registry().Types()) contracts.push_back(type->contract);
  EXPECT_GT(contracts.size(), 40u);
  for (const Contract& contract : contracts) {
    const std::string name = "weft." + contract.type;
    EXPECT_THAT(text, HasSubstr("function " + name + "(inputs) end\n"));
    const size_t begin = text.find("---@class " + name + ".inputs\n");
    ASSERT_NE(begin, std::string::npos) << name;
    const std::string part = text.substr(begin, text.find("function " + name, begin) - begin);
    for (const PortSpec& port : contract.inputs) {
      EXPECT_THAT(part, HasSubstr("---@field " + port.name + (port.required ? " " : "? "))) << name;
    }
    if (contract.outputs.size() < 2) continue;
    for (const PortSpec& port : contract.outputs) {
      EXPECT_THAT(part, HasSubstr("---@field " + port.name + " ")) << name;
    }
  }
}

TEST(LuaDefinitions, NameEveryFunctionOfTheLibrary) {
  absl::StatusOr<std::unique_ptr<LuaProgram>> program = LuaProgram::Make(Weft(), nullptr);
  ASSERT_TRUE(program.ok());
  const std::string text = LuaDefinitions(Weft().registry(), {});
  for (const std::string& name : Complete(**program, "weft.").words) {
    if (name == "null" || absl::ascii_isupper(static_cast<unsigned char>(name[0])) ||
        Weft().registry().Find(name) != nullptr)
      continue;
    const auto composites = Weft().InstalledComposites();
    if (std::any_of(composites.begin(), composites.end(),
                    [&](const Contract& c) { return c.type == name; })) {
      continue;
    }
    EXPECT_THAT(text, HasSubstr("function weft." + name + "("));
  }
}

TEST(LuaDefinitions, AreThoseThatShip) {
  const std::string shipped = ScratchFolder::Contents(WEFT_SOURCE_DIR "/lua/weft.d.lua");
  EXPECT_EQ(LuaDefinitions(Weft().registry(), Weft().InstalledComposites()), shipped)
      << "write it anew: weft lua --definitions > lua/weft.d.lua";
}

}  // namespace
}  // namespace weft
