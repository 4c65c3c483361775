#include "runtime/graph/graph_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "runtime/graph/problem.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(absl::string_view text) {
  const absl::StatusOr<GraphDef> graph = ParseGraphJson(text, "g.json");
  return graph.ok() ? "OK" : std::string(graph.status().message());
}

constexpr absl::string_view kGraph = R"({
  "$schema": "graph.schema.json",
  "weft": 1,
  "title": "Sum",
  "params": {
    "start": {"type": "float", "default": 0.5, "min": 0.0, "doc": "Where to begin"},
    "times": {"like": "count.count"}
  },
  "nodes": {
    "count": {"type": "Count", "inputs": {"count": "graph.times"}},
    "loop": {
      "type": "Loop",
      "inputs": {"over": "count.list"},
      "carry": {"sum": "graph.start", "last": null},
      "body": {
        "nodes": {"add": {"type": "Add", "inputs": {"a": "loop.sum"}, "params": {"b": 2.5}}},
        "next": {"sum": "add.sum", "last": "loop.item"},
        "collect": {"sums": "add"}
      }
    }
  },
  "outputs": {"sum": "loop.sum"},
  "expect": {"sum": {"max_abs": 0.25}}
})";

TEST(GraphJson, WritesWhatItReads) {
  const absl::StatusOr<GraphDef> graph = ParseGraphJson(kGraph, "g.json");
  ASSERT_TRUE(graph.ok()) << graph.status();
  const std::string written = ToJson(*graph);
  const absl::StatusOr<GraphDef> again = ParseGraphJson(written, "g.json");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ToJson(*again), written);
  EXPECT_THAT(written, HasSubstr("\"last\": null"));
  EXPECT_THAT(written, HasSubstr("\"like\": \"count.count\""));
}

TEST(GraphJson, KeepsTheOrderAndTheLinesOfTheFile) {
  const absl::StatusOr<GraphDef> graph = ParseGraphJson(kGraph, "g.json");
  ASSERT_TRUE(graph.ok()) << graph.status();
  ASSERT_EQ(graph->nodes.size(), 2u);
  EXPECT_EQ(graph->nodes[0].first, "count");
  EXPECT_EQ(graph->nodes[0].second.line, 10);
  EXPECT_EQ(graph->nodes[1].second.body->nodes[0].second.line, 16);
  EXPECT_EQ(graph->params[0].second.fallback->AsFloat()[0], 0.5);
}

TEST(GraphJson, SaysLineAndColumnOfBrokenJson) {
  EXPECT_THAT(ErrorOf("{\"weft\": 1,\n  \"nodes\": {,}}"), HasSubstr("g.json: line 2, column 13"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("unexpected end of input"));
  EXPECT_THAT(ErrorOf("{\"weft\": 1"), HasSubstr("unexpected end of input"));
  EXPECT_THAT(ErrorOf("{\"weft\": 1}\xff"), HasSubstr("line 1"));
}

TEST(GraphJson, RejectsADuplicateKeyAndNamesIt) {
  EXPECT_THAT(
      ErrorOf("{\"weft\": 1,\n\"nodes\": {\"a\": {\"type\": \"X\"},\n\"a\": {\"type\": \"Y\"}}}"),
      HasSubstr("line 3, column 3: the key \"a\" occurs twice"));
}

// Comparing each key with those before it would take minutes.
TEST(GraphJson, ReadsAnObjectOfVeryManyKeys) {
  std::string text = R"({"weft": 1, "nodes": {"a": {"type": "A", "params": {)";
  for (int i = 0; i < 400'000; ++i) absl::StrAppend(&text, "\"k", i, "\":0,");
  absl::StrAppend(&text, R"("last": 1}}}})");
  const absl::StatusOr<GraphDef> graph = ParseGraphJson(text, "g.json");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->nodes[0].second.inputs.size(), 400'001u);
}

TEST(GraphJson, RejectsNestingWithoutEnd) {
  EXPECT_THAT(ErrorOf(std::string(100000, '[')), HasSubstr("nested deeper than 64"));
}

TEST(GraphJson, RejectsNumbersThatDoNotFit) {
  EXPECT_THAT(ErrorOf("{\"weft\": 9300000000000000000}"), HasSubstr("does not fit in 64 bits"));
  EXPECT_THAT(ErrorOf("{\"weft\": 1e999}"), HasSubstr("line 1"));
}

TEST(GraphJson, RejectsAnotherVersionOfTheFormat) {
  EXPECT_THAT(ErrorOf("{\"weft\": 2, \"nodes\": {}}"),
              HasSubstr("not version 1 of the graph format"));
  EXPECT_THAT(ErrorOf("{\"nodes\": {}}"), HasSubstr("needs \"weft\": 1"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("a graph is an object, not a list"));
}

TEST(GraphJson, RejectsUnknownKeysWithTheNearestName) {
  EXPECT_THAT(ErrorOf("{\"weft\": 1, \"node\": {}}"),
              HasSubstr("unknown key \"node\"; did you mean \"nodes\"?"));
  EXPECT_THAT(ErrorOf(R"({"weft": 1, "nodes": {"a": {"type": "X", "input": {}}}})"),
              HasSubstr("nodes.a.input: unknown key \"input\"; did you mean \"inputs\"?"));
}

TEST(GraphJson, RejectsALiteralWhereAWireBelongs) {
  EXPECT_THAT(ErrorOf(R"({"weft": 1, "nodes": {"a": {"type": "X", "inputs": {"n": 3}}}})"),
              HasSubstr("literals go into \"params\""));
  EXPECT_THAT(
      ErrorOf(R"({"weft": 1, "nodes": {"a": {"type": "X", "inputs": {"n": "two words"}}}})"),
      HasSubstr("\"two words\" is not a wire"));
}

TEST(GraphJson, RejectsAnInputThatIsFedTwice) {
  EXPECT_THAT(
      ErrorOf(
          R"({"weft": 1, "nodes": {"a": {"type": "X", "params": {"n": 1}, "inputs": {"n": "b"}}}})"),
      HasSubstr("\"n\" is fed twice: by a wire and by a literal"));
}

TEST(GraphJson, RejectsTheReservedIdAndNamesWithOtherLetters) {
  EXPECT_THAT(ErrorOf(R"({"weft": 1, "nodes": {"graph": {"type": "X"}}})"),
              HasSubstr("\"graph\" is reserved"));
  EXPECT_THAT(ErrorOf(R"({"weft": 1, "nodes": {"a b": {"type": "X"}}})"),
              HasSubstr("names are made of"));
  EXPECT_THAT(ErrorOf(R"({"weft": 1, "nodes": {"../x": {"type": "X"}}})"),
              HasSubstr("names are made of"));
}

TEST(GraphJson, RejectsLoopsAndIfsWithoutBodies) {
  EXPECT_THAT(ErrorOf(R"({"weft": 1, "nodes": {"l": {"type": "Loop"}}})"),
              HasSubstr("a Loop needs a \"body\""));
  EXPECT_THAT(ErrorOf(R"({"weft": 1, "nodes": {"i": {"type": "If", "then": {"nodes": {}}}}})"),
              HasSubstr("an If needs a \"then\" and an \"else\""));
}

TEST(GraphJson, RejectsAParamWithoutATypeAndOneWithTwo) {
  EXPECT_THAT(ErrorOf(R"({"weft": 1, "params": {"p": {}}})"),
              HasSubstr("either a \"type\" or a \"like\""));
  EXPECT_THAT(ErrorOf(R"({"weft": 1, "params": {"p": {"type": "int", "like": "a.b"}}})"),
              HasSubstr("either a \"type\" or a \"like\""));
}

TEST(GraphJson, ReportsAllFaultsAtOnce) {
  const absl::StatusOr<GraphDef> graph = ParseGraphJson(
      R"({"weft": 1, "titel": "x", "nodes": {"a": {"typ": "X"}, "b": 3}, "outputs": {"o": 1}})",
      "g.json");
  const std::vector<Problem> problems = ProblemsOf(graph.status());
  EXPECT_GE(problems.size(), 5u) << graph.status();
  for (const Problem& problem : problems) {
    EXPECT_EQ(problem.file, "g.json");
    EXPECT_EQ(problem.line, 1);
    EXPECT_FALSE(problem.json_path.empty()) << problem.message;
  }
}

TEST(GraphJson, NamesAFileThatIsNotThere) {
  EXPECT_THAT(std::string(LoadGraphJson("no/such.json").status().message()),
              HasSubstr("no/such.json"));
}

}  // namespace
}  // namespace weft
