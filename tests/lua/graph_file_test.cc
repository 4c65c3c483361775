#include "lua/graph_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lua/attach.h"
#include "lua/graph_writer.h"
#include "nodes/weft_runtime.h"
#include "runtime/graph/graph_json.h"
#include "runtime/graph/problem.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

const WeftRuntime& Weft() {
  static WeftRuntime* const weft = [] {
    std::unique_ptr<WeftRuntime> made = *WeftRuntime::Make("", "");
    EXPECT_TRUE(AttachLua(*made).ok());
    return made.release();
  }();
  return *weft;
}

absl::StatusOr<GraphDef> Parse(const std::string& text) {
  return ParseLuaGraph(text, "test.lua", Weft().runtime());
}
std::string Error(const std::string& text) { return std::string(Parse(text).status().message()); }
nlohmann::json Json(const GraphDef& graph) { return nlohmann::json::parse(ToJson(graph)); }

constexpr char kModel[] = "local model = weft.LoadModel{\"model\", path = \"models/sketch\"}\n";

TEST(LuaGraph, BuildsWhatTheJsonFileBuilds) {
  const absl::StatusOr<GraphDef> graph = Parse(R"(
    weft.describe{title = "Strip", doc = "Two", schema = "graph.schema.json"}
    local width = weft.param{"width", type = "int", default = 16, min = 1, doc = "Pixels"}
    local shape = weft.RectangleMask{"shape", width = width, height = 8, left = 0, top = 0,
                                     right = 4, bottom = 8}
    local image = weft.MaskToImage{mask = shape}
    local strip = weft.ImageStrip{"strip", images = {image, image}}
    weft.output{"strip", strip.image, max_abs = 24}
  )");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(Json(*graph), nlohmann::json::parse(R"({
    "$schema": "graph.schema.json", "weft": 1, "title": "Strip", "doc": "Two",
    "params": {"width": {"type": "int", "default": 16, "min": 1.0, "doc": "Pixels"}},
    "nodes": {
      "shape": {"type": "RectangleMask", "inputs": {"width": "graph.width"},
                "params": {"height": 8, "left": 0, "top": 0, "right": 4, "bottom": 8}},
      "mask_to_image": {"type": "MaskToImage", "inputs": {"mask": "shape"}},
      "strip": {"type": "ImageStrip", "inputs": {"images": ["mask_to_image", "mask_to_image"]}}
    },
    "outputs": {"strip": "strip.image"},
    "expect": {"strip": {"max_abs": 24.0}}
  })"));
}

TEST(LuaGraph, BuildsLoopsAndConditions) {
  const absl::StatusOr<GraphDef> graph = Parse(R"(
    local more = weft.param{"more", type = "bool", default = true}
    local mask = weft.RectangleMask{"mask", width = 8, height = 8, left = 0, top = 0, right = 4, bottom = 4}
    local loop = weft.Loop{"loop", carry = {mask = mask, go = true}, ["while"] = "go",
      max_rounds = 3,
      body = function(loop)
        local inverted = weft.InvertMask{"inverted", mask = loop.mask}
        return {next = {mask = inverted, go = loop.go}, collect = {masks = inverted}}
      end}
    local picked = weft.If{"picked", condition = more,
      ["then"] = function() return {mask = weft.InvertMask{"again", mask = loop.mask}} end,
      ["else"] = function() return {mask = loop.mask} end}
    weft.output{"mask", picked.mask}
    weft.output{"masks", loop.masks}
  )");
  ASSERT_TRUE(graph.ok()) << graph.status();
  const nlohmann::json json = Json(*graph);
  const nlohmann::json& loop = json["nodes"]["loop"];
  EXPECT_EQ(loop["while"], "go");
  EXPECT_EQ(loop["carry"]["mask"], "mask");
  EXPECT_EQ(loop["carry"]["go"], true);
  EXPECT_EQ(loop["body"]["nodes"]["inverted"]["inputs"]["mask"], "loop.mask");
  EXPECT_EQ(loop["body"]["next"]["go"], "loop.go");
  EXPECT_EQ(json["nodes"]["picked"]["then"]["outputs"]["mask"], "again");
  EXPECT_EQ(json["nodes"]["picked"]["else"]["outputs"]["mask"], "loop.mask");
}

TEST(LuaGraph, ReadsFieldsOfRecordsAsWires) {
  const absl::StatusOr<GraphDef> graph = Parse(std::string(kModel) + R"(
    local scheduler = weft.DDPMScheduler{"scheduler", config = model.scheduler_config}
    local times = weft.Timesteps{"times", scheduler = scheduler}
    local loop = weft.Loop{"loop", over = times.steps, carry = {next = weft.null},
      body = function(loop) return {next = {next = loop.item.next}} end}
    weft.output{"next", loop.next}
  )");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(Json(*graph)["nodes"]["loop"]["body"]["next"]["next"], "loop.item.next");
  EXPECT_TRUE(Json(*graph)["nodes"]["loop"]["carry"]["next"].is_null());
}

TEST(LuaGraph, CompositesMayTravelInside) {
  const absl::StatusOr<GraphDef> graph = Parse(R"(
    weft.composite("Twice", function()
      local mask = weft.param{"mask", type = "mask"}
      local once = weft.InvertMask{"once", mask = mask}
      weft.output{"mask", weft.InvertMask{"twice", mask = once}}
    end)
    local mask = weft.RectangleMask{"mask", width = 8, height = 8, left = 0, top = 0, right = 4, bottom = 4}
    weft.output{"mask", weft.Twice{"twice", mask = mask}.mask}
  )");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(Json(*graph)["composites"]["Twice"]["outputs"]["mask"], "twice");
  EXPECT_EQ(Json(*graph)["outputs"]["mask"], "twice.mask");
}

TEST(LuaGraph, NodesMayDeclarePorts) {
  const absl::StatusOr<GraphDef> graph = Parse(R"(
    local f = weft.LuaFunction{"f", source = "return a + 1", a = 3,
      ports = {inputs = {a = {type = "int"}}, outputs = {b = {type = "int", doc = "one more"}}}}
    weft.output{"b", f.b}
  )");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(Json(*graph)["nodes"]["f"]["ports"]["outputs"]["b"]["doc"], "one more");
}

struct Mistake {
  std::string script;
  std::string message;
};

TEST(LuaGraph, EveryMistakeNamesItsLineAndTheNearestName) {
  const std::vector<Mistake> mistakes = {
      {"weft.VaeDecod{}",
       "test.lua:2: weft has no node or function \"VaeDecod\"; did you mean "
       "\"VaeDecode\"?"},
      {"weft.VaeDecode{\"image\", vae = model.vae, latnt = 1}",
       "test.lua:2: node \"image\" (VaeDecode): has no param \"latnt\"; did you mean \"latent\"?"},
      {"weft.VaeDecode{\"image\", vae = model.clip, latent = model.unet}",
       "test.lua:2: node \"image\" (VaeDecode): \"vae\""},
      {"weft.VaeDecode{\"image\", vae = model.vae}", "\"latent\""},
      {"return model.cilp",
       "test.lua:2: node \"model\" (LoadModel) has no output \"cilp\"; did you "
       "mean \"clip\"?"},
      {"weft.Generator{seed = \"x\"}",
       "test.lua:2: node \"generator\" (Generator): \"seed\" "
       "expects int, not text"},
      {"weft.Timesteps{scheduler = weft.DDPMScheduler{config = model.scheduler_config}, "
       "num_inference_steps = 0}",
       "below its minimum of 1"},
      {"weft.LoadModel{\"model\", path = \"x\"}", "there is a node \"model\" already"},
      {"weft.LoadModel{\"graph\", path = \"x\"}", "reserved"},
      {"weft.LoadModel{\"a.b\", path = \"x\"}", "names are made of letters"},
      {"weft.LoadModel(\"x\")", "takes one table, weft.LoadModel{…}, not string"},
      {"weft.param{\"x\", type = \"int\", defalt = 1}",
       "knows no \"defalt\"; did you mean "
       "\"default\"?"},
      {"weft.param{\"x\"}", "needs either a type or a like"},
      {"weft.param{\"x\", type = \"int\"} weft.param{\"x\", type = \"int\"}",
       "the graph has a param \"x\" already"},
      {"weft.output{\"x\"}", "output \"x\": expected a wire, not nil"},
      {"weft.output{model.vae}", "expected text"},
      {"weft.output{\"x\", model.vae} weft.output{\"x\", model.vae}",
       "has an output \"x\" already"},
      {"weft.describe{titel = \"x\"}", "knows no \"titel\"; did you mean \"title\"?"},
      {"weft.Loop{carry = {x = true}, [\"while\"] = \"x\"}",
       "\"body\" is a function that writes the body, not nil"},
      {"weft.Loop{overr = 1}", "Loop knows no \"overr\"; did you mean \"over\"?"},
      {"weft.Loop{carry = {x = 1}, [\"while\"] = \"x\", body = function(l) return {nxt = {}} end}",
       "knows no \"nxt\"; did you mean \"next\"?"},
      {"weft.If{condition = true, [\"then\"] = function() return 1 end, [\"else\"] = function() "
       "end}",
       "\"then\" returned number, not a table"},
      {"weft.LoadImage{path = print}", "a function is no value that a node could take"},
      {"weft.run(\"x\")", "weft has no node or function \"run\""},
      {"io.open(\"x\")", "test.lua:2: attempt to index a nil value (global 'io')"},
      {"local x = = 1", "test.lua:2: unexpected symbol near '='"},
      {"while true do end", "test.lua:2: the script used more than 50,000,000 instructions"},
  };
  for (const Mistake& mistake : mistakes) {
    EXPECT_THAT(Error(kModel + mistake.script), HasSubstr(mistake.message)) << mistake.script;
  }
}

TEST(LuaGraph, ProblemsKeepTheirPlaces) {
  const absl::StatusOr<GraphDef> graph =
      Parse(std::string(kModel) + "\nweft.VaeDecode{\"image\", vae = model.clip, latent = 1}");
  const std::vector<Problem> problems = ProblemsOf(graph.status());
  ASSERT_GE(problems.size(), 1u);
  EXPECT_EQ(problems[0].file, "test.lua");
  EXPECT_EQ(problems[0].line, 3);
  EXPECT_EQ(problems[0].node, "image");
  EXPECT_EQ(problems[0].port, "vae");
}

TEST(LuaGraph, AScriptMayCatchAMistakeAndGoOn) {
  const absl::StatusOr<GraphDef> graph = Parse(R"(
    assert(not pcall(function() return weft.VaeDecode{"image"} end))
    assert(not pcall(weft.Loop, {"loop", carry = {m = 1}, body = function() error("no") end}))
    weft.output{"mask", weft.RectangleMask{"image", width = 8, height = 8, left = 0, top = 0, right = 4, bottom = 4}}
  )");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->nodes.size(), 1u);
}

TEST(LuaGraph, WiresOfACompositesSurroundingsAreRefused) {
  EXPECT_THAT(Error(R"(
    local mask = weft.RectangleMask{"mask", width = 8, height = 8, left = 0, top = 0, right = 4, bottom = 4}
    weft.composite("Inside", function() weft.output{"mask", mask} end)
  )"),
              HasSubstr("\"mask\" belongs to another graph"));
}

TEST(LuaGraph, WiresOutOfABodyAreRefused) {
  EXPECT_THAT(Error(R"(
    local inner
    weft.Loop{"loop", carry = {m = true}, ["while"] = "m", body = function(loop)
      inner = weft.RectangleMask{"inner", width = 8, height = 8, left = 0, top = 0, right = 4, bottom = 4}
      return {next = {m = loop.m}}
    end}
    weft.output{"mask", inner}
  )"),
              HasSubstr("inner"));
}

TEST(LuaGraph, ACompositeThatContainsItselfIsAnError) {
  const ScratchFolder folder;
  folder.Put("again.lua", "weft.output{\"x\", weft.Again{}}");
  const absl::StatusOr<Pipeline> pipeline = Pipeline::Load(folder / "again.lua", Weft().runtime());
  EXPECT_THAT(std::string(pipeline.status().message()), HasSubstr("contains itself"));
}

TEST(LuaGraph, ACompositeMayBeWrittenInLua) {
  const ScratchFolder folder;
  folder.Put("twice.lua", R"(
    local mask = weft.param{"mask", like = "once.mask"}
    local once = weft.InvertMask{"once", mask = mask}
    weft.output{"mask", weft.InvertMask{"twice", mask = once}}
  )");
  folder.Put("whole.json", R"({"weft": 1, "nodes": {
    "mask": {"type": "RectangleMask", "params": {"width": 8, "height": 8, "left": 0, "top": 0, "right": 4, "bottom": 4}},
    "twice": {"type": "Twice", "inputs": {"mask": "mask"}}}, "outputs": {"mask": "twice.mask"}})");
  const absl::StatusOr<Pipeline> pipeline = Pipeline::Load(folder / "whole.json", Weft().runtime());
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  EXPECT_TRUE(pipeline->Check({}).ok()) << pipeline->Check({}).status();
}

TEST(LuaGraph, WhatLiesOutsideOfTheInterpreterIsBoundedToo) {
  const std::vector<std::string> scripts = {
      "local s = (\"x\"):rep(4000000) while true do weft.param{\"p\" .. math.random(1 << 40), type "
      "= \"text\", default = s} end",
      "local t = {1} for i = 1, 30 do t = {t, t} end weft.LoadImage{path = t}",
      "while true do weft.describe{title = (\"x\"):rep(1000000)} end",
      "local function f() weft.composite(\"A\", f) end f()",
      "local w = weft.param{\"x\", type = \"any\"} while true do w = w.x end",
      "local t = {} for i = 1, 1e9 do t[\"k\" .. i] = 1 end weft.LoadImage(t)"};
  for (const std::string& script : scripts) {
    const std::string error = Error(script);
    EXPECT_THAT(error, HasSubstr("test.lua:1: ")) << script;
    EXPECT_THAT(error,
                ::testing::AnyOf(HasSubstr("the script used more than"),
                                 HasSubstr("nested deeper than 16"), HasSubstr("too many fields")))
        << script;
  }
}

TEST(LuaGraph, AMissingFileIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(LoadLuaGraph("/nowhere/x.lua", Weft().runtime()).status()));
}

// JSON → Lua → JSON, for every graph that ships.

std::vector<std::string> ShippedGraphs() {
  std::vector<std::string> paths;
  for (const char* folder : {"graphs", "graphs/parts"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(WEFT_SOURCE_DIR) / folder)) {
      const std::string name = entry.path().filename().string();
      if (entry.path().extension() == ".json" && name != "graph.schema.json") {
        paths.push_back(entry.path().string());
      }
    }
  }
  return paths;
}

class ShippedGraph : public ::testing::TestWithParam<std::string> {};

TEST_P(ShippedGraph, ComesBackFromLuaAsItWas) {
  const absl::StatusOr<GraphDef> graph = LoadGraphJson(GetParam());
  ASSERT_TRUE(graph.ok()) << graph.status();
  const absl::StatusOr<std::string> lua = ToLua(*graph);
  ASSERT_TRUE(lua.ok()) << lua.status();
  const absl::StatusOr<GraphDef> again =
      ParseLuaGraph(*lua, fs::path(GetParam()).replace_extension(".lua"), Weft().runtime());
  ASSERT_TRUE(again.ok()) << again.status() << "\n" << *lua;
  EXPECT_EQ(Json(*again), Json(*graph)) << *lua;
}

INSTANTIATE_TEST_SUITE_P(LuaGraph, ShippedGraph, ::testing::ValuesIn(ShippedGraphs()),
                         [](const auto& tested) { return fs::path(tested.param).stem().string(); });

TEST(GraphWriter, KeepsAwkwardNamesAndTexts) {
  const absl::StatusOr<GraphDef> graph = ParseGraphJson(R"({
    "weft": 1, "title": "A \"title\"\nof two lines ]] and \\ a tab\t",
    "params": {"end": {"type": "int", "default": 3}, "a-b": {"type": "float", "default": 0.1},
               "mask": {"type": "text", "default": "\u0001", "choices": ["\u0001", "x"]},
               "none": {"type": "int", "default": null}},
    "nodes": {
      "later": {"type": "InvertMask", "inputs": {"mask": "2-mask"}},
      "2-mask": {"type": "RectangleMask", "inputs": {"width": "graph.end"}, "params": {"height": 8, "left": 0, "top": 0, "right": 4, "bottom": 4}},
      "f": {"type": "LuaFunction", "params": {"source": "local x = [[a]]\nreturn x .. y\n", "y": "z"},
            "ports": {"inputs": {"y": {"type": "text"}}, "outputs": {"x": {"type": "text"}}}}
    },
    "outputs": {"mask": "later", "x": "f.x"}
  })",
                                                        "x.json");
  ASSERT_TRUE(graph.ok()) << graph.status();
  const absl::StatusOr<std::string> lua = ToLua(*graph);
  ASSERT_TRUE(lua.ok()) << lua.status();
  const absl::StatusOr<GraphDef> again = Parse(*lua);
  ASSERT_TRUE(again.ok()) << again.status() << "\n" << *lua;
  EXPECT_EQ(Json(*again), Json(*graph)) << *lua;
}

TEST(GraphWriter, WritesMoreNodesThanAFunctionHasLocals) {
  nlohmann::json json = {{"weft", 1}, {"nodes", nlohmann::json::object()}};
  json["nodes"]["m0"] = {
      {"type", "RectangleMask"},
      {"params",
       {{"width", 8}, {"height", 8}, {"left", 0}, {"top", 0}, {"right", 4}, {"bottom", 4}}}};
  for (int i = 1; i < 160; ++i) {
    json["nodes"]["m" + std::to_string(i)] = {{"type", "InvertMask"},
                                              {"inputs", {{"mask", "m" + std::to_string(i - 1)}}}};
  }
  json["outputs"]["mask"] = "m159";
  const absl::StatusOr<GraphDef> graph = ParseGraphJson(json.dump(), "x.json");
  ASSERT_TRUE(graph.ok()) << graph.status();
  const absl::StatusOr<std::string> lua = ToLua(*graph);
  ASSERT_TRUE(lua.ok()) << lua.status();
  const absl::StatusOr<GraphDef> again = Parse(*lua);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Json(*again), Json(*graph));
}

TEST(GraphWriter, RefusesACircle) {
  const absl::StatusOr<GraphDef> graph = ParseGraphJson(R"({"weft": 1, "nodes": {
    "a": {"type": "InvertMask", "inputs": {"mask": "b"}},
    "b": {"type": "InvertMask", "inputs": {"mask": "a"}}}, "outputs": {}})",
                                                        "x.json");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(std::string(ToLua(*graph).status().message()), HasSubstr("in a circle"));
}

}  // namespace
}  // namespace weft
