// LuaFunction in JSON graphs: what a script computes, and how it fails.

#include "lua/lua_function.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "lua/attach.h"
#include "nodes/weft_runtime.h"
#include "runtime/graph/graph_json.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

const WeftRuntime& Weft() {
  static WeftRuntime* const weft = [] {
    std::unique_ptr<WeftRuntime> made = *WeftRuntime::Make("", "");
    EXPECT_TRUE(AttachLua(*made).ok());
    return made.release();
  }();
  return *weft;
}

// A graph of one function f with these ports.
Json Function(const std::string& source, const Json& inputs, const Json& outputs,
              Json params = Json::object()) {
  params["source"] = source;
  Json ports = {{"outputs", outputs}};
  if (!inputs.empty()) ports["inputs"] = inputs;
  Json graph = {{"weft", 1},
                {"nodes", {{"f", {{"type", "LuaFunction"}, {"params", params}, {"ports", ports}}}}},
                {"outputs", Json::object()}};
  for (const auto& [name, port] : outputs.items()) graph["outputs"][name] = "f." + name;
  return graph;
}

absl::StatusOr<RunResult> RunGraph(const Json& json, const std::string& folder = ".",
                                   RunOptions options = {}) {
  absl::StatusOr<GraphDef> graph = ParseGraphJson(json.dump(), "test.json");
  if (!graph.ok()) return graph.status();
  return Pipeline::Of(*std::move(graph), folder, Weft().runtime()).Run(options);
}
std::string Error(const Json& json) { return std::string(RunGraph(json).status().message()); }

const Json kInt = {{"type", "int"}};
const Json kText = {{"type", "text"}};

TEST(LuaFunction, GivesTheOneOutputThatItReturns) {
  const auto result = RunGraph(Function("return a * 2", {{"a", kInt}}, {{"b", kInt}}, {{"a", 21}}));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("b").AsInt(), 42);
}

TEST(LuaFunction, GivesSeveralOutputsByName) {
  const auto result =
      RunGraph(Function("return {sum = a + b, text = a .. b}", {{"a", kInt}, {"b", kInt}},
                        {{"sum", kInt}, {"text", kText}}, {{"a", 1}, {"b", 2}}));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("sum").AsInt(), 3);
  EXPECT_EQ(*result->outputs.at("text").AsText(), "12");
}

TEST(LuaFunction, ComputesWithTensors) {
  Json graph = Function("return mask * 0.5 + 0.25", {{"mask", {{"type", "mask"}}}},
                        {{"mask", {{"type", "mask"}}}});
  graph["nodes"]["m"] = {
      {"type", "RectangleMask"},
      {"params",
       {{"width", 4}, {"height", 2}, {"left", 0}, {"top", 0}, {"right", 2}, {"bottom", 2}}}};
  graph["nodes"]["f"]["inputs"] = {{"mask", "m"}};
  const auto result = RunGraph(graph);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->outputs.at("mask").AsTensor()->shape(), Shape({1, 2, 4, 1}));
}

TEST(LuaFunction, ReadsItsScriptFromAFileBesideTheGraph) {
  const ScratchFolder folder;
  folder.Put("double.lua", "return a * 2");
  Json graph = Function("", {{"a", kInt}}, {{"b", kInt}}, {{"a", 4}});
  graph["nodes"]["f"]["params"].erase("source");
  graph["nodes"]["f"]["params"]["file"] = "double.lua";
  const auto result = RunGraph(graph, folder.path());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("b").AsInt(), 8);
}

TEST(LuaFunction, EndsALoopEarly) {
  const Json graph = Json::parse(R"({"weft": 1, "nodes": {"loop": {
    "type": "Loop", "carry": {"n": 0, "go": true}, "while": "go",
    "params": {"max_rounds": 100},
    "body": {"nodes": {"f": {"type": "LuaFunction", "inputs": {"n": "loop.n"},
        "params": {"source": "return {n = n + 1, go = n < 6}"},
        "ports": {"inputs": {"n": {"type": "int"}},
                  "outputs": {"n": {"type": "int"}, "go": {"type": "bool"}}}}},
      "next": {"n": "f.n", "go": "f.go"}}}},
    "outputs": {"n": "loop.n"}})");
  const auto result = RunGraph(graph);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("n").AsInt(), 7);
}

TEST(LuaFunction, MistakesNameTheNodeAndTheLineOfTheScript) {
  EXPECT_THAT(Error(Function("\nreturn nil + 1", {}, {{"b", kInt}})),
              AllOf(HasSubstr("node \"f\" (LuaFunction)"), HasSubstr("source:2:"),
                    HasSubstr("arithmetic on a nil value")));
  EXPECT_THAT(Error(Function("return = 1", {}, {{"b", kInt}})), HasSubstr("unexpected symbol"));
  EXPECT_THAT(Error(Function("return 'x'", {}, {{"b", kInt}})),
              HasSubstr("output \"b\" is to be int, but the script returned a text"));
  EXPECT_THAT(Error(Function("return {}", {}, {{"b", kInt}, {"c", kInt}})),
              HasSubstr("output \"b\" is to be int, but the script returned nothing for it"));
  EXPECT_THAT(Error(Function("return {b = 1, bb = 2}", {}, {{"b", kInt}})),
              HasSubstr("\"bb\", which is no output"));
  EXPECT_THAT(Error(Function("return 1", {}, {{"b", kInt}, {"c", kInt}})),
              HasSubstr("not a table with b, c"));
  EXPECT_THAT(Error(Function("return io", {}, {{"b", kInt}})), HasSubstr("returned nothing"));
}

TEST(LuaFunction, StopsAtItsInstructions) {
  EXPECT_THAT(Error(Function("while true do end", {}, {{"b", kInt}}, {{"instructions", 10000}})),
              HasSubstr("the script used more than 10,000 instructions"));
}

TEST(LuaFunction, StopsWhenTheRunIsCancelled) {
  std::atomic<bool> cancelled{false};
  RunOptions options;
  options.cancelled = &cancelled;
  options.checked = [&cancelled](const DryRunResult&) { cancelled = true; };
  const auto result = RunGraph(Function("while true do end", {}, {{"b", kInt}}), ".", options);
  EXPECT_TRUE(absl::IsCancelled(result.status())) << result.status();
}

TEST(LuaFunction, ASyntaxErrorIsFoundBeforeAnythingRuns) {
  absl::StatusOr<GraphDef> graph =
      ParseGraphJson(Function("return (", {}, {{"b", kInt}}).dump(), "test.json");
  ASSERT_TRUE(graph.ok());
  const auto checked = Pipeline::Of(*std::move(graph), ".", Weft().runtime()).Check({});
  EXPECT_THAT(std::string(checked.status().message()), HasSubstr("near <eof>"));
}

TEST(LuaFunction, SourceAndFileExcludeEachOther) {
  EXPECT_THAT(Error(Function("return 1", {}, {{"b", kInt}}, {{"file", "x.lua"}})),
              HasSubstr("either as \"source\" or as a \"file\""));
}

TEST(LuaFunction, PrintsAsNotices) {
  std::string said;
  RunOptions options;
  options.events = [&said](const Event& event) {
    if (event.kind == Event::Kind::kNotice) said += event.message;
  };
  ASSERT_TRUE(RunGraph(Function("print('n', 1) return 1", {}, {{"b", kInt}}), ".", options).ok());
  EXPECT_EQ(said, "n\t1");
}

TEST(LuaFunction, ExpectsOutputsToLookLikeInputsOfTheSameName) {
  Json graph =
      Function("return mask", {{"mask", {{"type", "mask"}}}}, {{"mask", {{"type", "mask"}}}});
  graph["nodes"]["m"] = {
      {"type", "RectangleMask"},
      {"params",
       {{"width", 4}, {"height", 2}, {"left", 0}, {"top", 0}, {"right", 2}, {"bottom", 2}}}};
  graph["nodes"]["f"]["inputs"] = {{"mask", "m"}};
  absl::StatusOr<GraphDef> def = ParseGraphJson(graph.dump(), "test.json");
  ASSERT_TRUE(def.ok());
  const auto checked = Pipeline::Of(*std::move(def), ".", Weft().runtime()).Check({});
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->outputs.at("mask"), "tensor f32 [1, 2, 4, 1]");
}

}  // namespace
}  // namespace weft
