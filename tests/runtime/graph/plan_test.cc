#include "runtime/graph/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "runtime/graph/graph_json.h"
#include "tests/runtime/graph/test_nodes.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class PlanTest : public ::testing::Test {
 protected:
  absl::StatusOr<Plan> Make(const std::string& nodes, const std::string& outputs = "{}",
                            const std::string& params = "{}", const std::string& more = "") {
    const absl::StatusOr<GraphDef> parsed =
        ParseGraphJson(absl::StrCat("{\"weft\": 1, \"params\": ", params, ", \"nodes\": ", nodes,
                                    ", \"outputs\": ", outputs, more, "}"),
                       "g.json");
    if (!parsed.ok()) return parsed.status();
    graph_ = *parsed;
    Composites composites(folders_);
    return MakePlan(graph_, registry_, composites, overrides_);
  }
  std::string Error(const std::string& nodes, const std::string& outputs = "{}",
                    const std::string& params = "{}", const std::string& more = "") {
    const absl::StatusOr<Plan> plan = Make(nodes, outputs, params, more);
    return plan.ok() ? "OK" : std::string(plan.status().message());
  }
  static std::vector<std::string> Paths(const Block& block) {
    std::vector<std::string> paths;
    for (const PlannedNode& node : block) paths.push_back(node.path);
    return paths;
  }

  Log log_;
  Registry registry_ = TestRegistry(log_);
  Overrides overrides_;
  std::vector<std::string> folders_;
  GraphDef graph_;
};

TEST_F(PlanTest, OrdersNodesByTheirWiresWhateverTheFilesOrder) {
  const auto plan = Make(R"({"c": {"type": "Add", "inputs": {"a": "b"}},
                             "b": {"type": "Add", "inputs": {"a": "a"}},
                             "a": {"type": "Add", "params": {"a": 1}}})",
                         R"({"o": "c"})");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Paths(plan->nodes), ElementsAre("a", "b", "c"));
}

TEST_F(PlanTest, DropsWhatNoOutputAndNoEffectNeeds) {
  const auto plan = Make(R"({"used": {"type": "Add", "params": {"a": 1}},
                             "idle": {"type": "Add", "params": {"a": 2}},
                             "said": {"type": "Say"}})",
                         R"({"o": "used"})");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Paths(plan->nodes), ElementsAre("used", "said"));
}

TEST_F(PlanTest, FreesEverySlotAfterItsLastReader) {
  const auto plan = Make(R"({"a": {"type": "Add", "params": {"a": 1}},
                             "b": {"type": "Add", "inputs": {"a": "a"}},
                             "c": {"type": "Add", "inputs": {"a": "a", "b": "b"}}})",
                         R"({"o": "c"})");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->nodes[1].last_uses.empty());
  EXPECT_EQ(plan->nodes[2].last_uses.size(), 2u);
}

TEST_F(PlanTest, NamesUnknownTypesPortsAndParamsWithTheNearestName) {
  EXPECT_THAT(Error(R"({"x": {"type": "Ad"}})"),
              HasSubstr("unknown node type \"Ad\"; did you mean \"Add\"?"));
  EXPECT_THAT(Error(R"({"x": {"type": "Add", "params": {"a": 1, "bb": 2}}})"),
              HasSubstr("has no param \"bb\""));
  EXPECT_THAT(
      Error(
          R"({"x": {"type": "Sum", "inputs": {"part": "y"}}, "y": {"type": "Add", "params": {"a": 1}}})"),
      HasSubstr("has no input \"part\"; did you mean \"parts\"?"));
  EXPECT_THAT(
      Error(R"({"x": {"type": "Add", "inputs": {"a": "why.sum"}}, "way": {"type": "Count"}})"),
      HasSubstr("\"why.sum\" leads nowhere: there is no node \"why\"; did you mean \"way\"?"));
  EXPECT_THAT(
      Error(
          R"({"x": {"type": "Add", "inputs": {"a": "y.summ"}}, "y": {"type": "Add", "params": {"a": 1}}})"),
      HasSubstr("\"y\" (Add) has no \"summ\"; did you mean \"sum\"?"));
  EXPECT_THAT(Error(R"({"x": {"type": "Add", "inputs": {"a": "graph.star"}}})", "{}",
                    R"({"start": {"type": "float", "default": 1}})"),
              HasSubstr("the graph has no param \"star\"; did you mean \"start\"?"));
}

TEST_F(PlanTest, NamesBothEndsOfAWireWhoseTypesDiffer) {
  EXPECT_THAT(Error(R"({"t": {"type": "MakeThing"}, "x": {"type": "Add", "inputs": {"a": "t"}}})"),
              HasSubstr("node \"x\" (Add): \"a\" expects float, but \"t\" carries thing"));
}

TEST_F(PlanTest, NamesAMissingInputAndWhatItIsFor) {
  EXPECT_THAT(Error(R"({"x": {"type": "UseThing"}})"),
              HasSubstr("\"thing\" is missing: it needs thing (The thing to use)"));
}

TEST_F(PlanTest, ChecksLiteralsAgainstTypeRangeAndChoices) {
  EXPECT_THAT(Error(R"({"x": {"type": "Add", "params": {"a": "one"}}})"),
              HasSubstr("\"a\" expects float, not text"));
  EXPECT_THAT(Error(R"({"x": {"type": "Add", "params": {"a": 1, "b": 101}}})"),
              HasSubstr("\"b\" is 101, above its maximum of 100"));
  EXPECT_THAT(Error(R"({"x": {"type": "Count", "params": {"count": -1}}})"),
              HasSubstr("below its minimum of 0"));
  EXPECT_THAT(Error(R"({"x": {"type": "Count", "params": {"count": 1.5}}})"),
              HasSubstr("expects int, not float"));
  EXPECT_THAT(Error(R"({"x": {"type": "Say", "params": {"mode": "quit"}}})"),
              HasSubstr("none of: loud, quiet; did you mean \"quiet\"?"));
  EXPECT_THAT(Error(R"({"x": {"type": "UseThing", "params": {"thing": "big"}}})"),
              HasSubstr("expects a wire that carries thing, not a literal text"));
}

TEST_F(PlanTest, RejectsACycleAndNamesItsPath) {
  EXPECT_THAT(Error(R"({"a": {"type": "Add", "inputs": {"a": "c"}},
                        "b": {"type": "Add", "inputs": {"a": "a"}},
                        "c": {"type": "Add", "inputs": {"a": "b"}}})"),
              HasSubstr("the wires form a cycle: a → b → c → a"));
}

TEST_F(PlanTest, ReportsEveryProblemAtOnceEachWithItsPlace) {
  const auto plan = Make(R"({"x": {"type": "Ad"},
 "y": {"type": "Add"},
 "z": {"type": "Add", "params": {"a": true, "q": 1}, "inputs": {"b": "nowhere"}}})",
                         R"({"o": "missing"})");
  const std::vector<Problem> problems = ProblemsOf(plan.status());
  EXPECT_EQ(problems.size(), 6u) << plan.status();
  for (const Problem& problem : problems) {
    EXPECT_EQ(problem.file, "g.json") << problem.message;
    EXPECT_GT(problem.line, 0) << problem.message;
  }
}

TEST_F(PlanTest, AsksWhichOutputIsMeantWhereThereAreSeveral) {
  EXPECT_THAT(
      Error(R"({"l": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"p": "one", "q": "one"},
                              "body": {"nodes": {}, "next": {"p": "l.q", "q": "l.p"}}},
                        "n": {"type": "Count"}, "one": {"type": "Add", "params": {"a": 0}},
                        "x": {"type": "Add", "inputs": {"a": "l"}}})"),
      HasSubstr("does not say which output; \"l\" (Loop) has: p, q"));
}

TEST_F(PlanTest, MakesAListOfSeveralWiresAndOfOne) {
  EXPECT_EQ(
      Error(R"({"p": {"type": "Add", "params": {"a": 1}}, "q": {"type": "Add", "params": {"a": 2}},
                      "s": {"type": "Sum", "inputs": {"parts": ["p", "q"]}},
                      "t": {"type": "Sum", "inputs": {"parts": "p"}}})",
            R"({"s": "s", "t": "t"})"),
      "OK");
  EXPECT_THAT(Error(R"({"p": {"type": "Add", "params": {"a": 1}}, "t": {"type": "MakeThing"},
                        "s": {"type": "Sum", "inputs": {"parts": ["p", "t"]}}})"),
              HasSubstr("\"t\" carries thing, but the list began with float"));
}

TEST_F(PlanTest, ChecksLoopsWhole) {
  const std::string count =
      R"("n": {"type": "Count"}, "zero": {"type": "Add", "params": {"a": 0}})";
  EXPECT_THAT(
      Error("{" + count + R"(, "l": {"type": "Loop", "carry": {}, "body": {"nodes": {}}}})"),
      HasSubstr("goes \"over\" a list, \"while\" a carried bool holds, or both"));
  EXPECT_THAT(
      Error("{" + count +
            R"(, "l": {"type": "Loop", "inputs": {"over": "zero"}, "body": {"nodes": {}}}})"),
      HasSubstr("\"over\" expects list<any>, but \"zero\" carries float"));
  EXPECT_THAT(Error("{" + count +
                    R"(, "l": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"s": "zero"},
                                             "body": {"nodes": {}}}})"),
              HasSubstr("the body's \"next\" does not say what \"s\" becomes"));
  EXPECT_THAT(Error("{" + count +
                    R"(, "l": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"s": "zero"},
                                             "body": {"nodes": {}, "next": {"s": "l.s", "t": "l.s"}}}})"),
              HasSubstr("nothing carries \"t\""));
  EXPECT_THAT(Error("{" + count + R"(, "t": {"type": "MakeThing"},
                      "l": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"s": "zero"},
                            "body": {"nodes": {}, "next": {"s": "t"}}}})"),
              HasSubstr("expects float, but gets thing"));
  EXPECT_THAT(Error("{" + count + R"(, "l": {"type": "Loop", "while": "go", "carry": {"s": "zero"},
                                             "body": {"nodes": {}, "next": {"s": "l.s"}}}})"),
              HasSubstr("\"while\" names \"go\", which is not carried"));
  EXPECT_THAT(Error("{" + count + R"(, "l": {"type": "Loop", "while": "s", "carry": {"s": "zero"},
                                             "body": {"nodes": {}, "next": {"s": "l.s"}}}})"),
              HasSubstr("\"while\" needs a bool, but \"s\" carries float"));
  EXPECT_THAT(Error("{" + count + R"(, "l": {"type": "Loop", "inputs": {"over": "n"}, "carry": {},
                                             "body": {"nodes": {"n": {"type": "Count"}}}}})"),
              HasSubstr("a node of the graph around it is called \"n\" too"));
  EXPECT_THAT(
      Error(
          "{" + count +
          R"(, "l": {"type": "Loop", "inputs": {"over": "n"}, "body": {"nodes": {"x": {"type": "Count"}}}},
                                       "y": {"type": "Sum", "inputs": {"parts": "x"}}})"),
      HasSubstr("there is no node \"x\""));
}

TEST_F(PlanTest, WantsTheSameOutputsFromBothBranchesOfAnIf) {
  EXPECT_THAT(Error(R"({"c": {"type": "Less", "params": {"a": 1}},
                        "i": {"type": "If", "inputs": {"condition": "c"},
                              "then": {"nodes": {"x": {"type": "Add", "params": {"a": 1}}}, "outputs": {"v": "x"}},
                              "else": {"nodes": {}, "outputs": {"w": "c"}}}})"),
              HasSubstr("\"v\" is an output of \"then\" alone"));
}

TEST_F(PlanTest, TakesParamsFromOutsideAndChecksThem) {
  const std::string nodes = R"({"x": {"type": "Add", "inputs": {"a": "graph.start"}}})";
  const std::string params = R"({"start": {"type": "float", "min": 0}})";
  EXPECT_THAT(Error(nodes, R"({"o": "x"})", params),
              HasSubstr("needs a value of type float: give \"start\""));
  overrides_.params["start"] = Value(-1.0);
  EXPECT_THAT(Error(nodes, R"({"o": "x"})", params), HasSubstr("below its minimum of 0"));
  overrides_.params["start"] = Value(1.0);
  EXPECT_EQ(Error(nodes, R"({"o": "x"})", params), "OK");
  overrides_.params["strat"] = Value(1.0);
  EXPECT_THAT(Error(nodes, R"({"o": "x"})", params),
              HasSubstr("no param \"strat\"; did you mean \"start\"?"));
}

TEST_F(PlanTest, OverridesAnyInputByItsPath) {
  overrides_.inputs["x.b"] = Value(int64_t{5});
  auto plan = Make(R"({"x": {"type": "Add", "params": {"a": 1}}})", R"({"o": "x"})");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(*plan->nodes[0].inputs[1].source.literal.AsFloat(), 5.0);
  overrides_.inputs["x.c"] = Value(int64_t{5});
  EXPECT_THAT(Error(R"({"x": {"type": "Add", "params": {"a": 1}}})", R"({"o": "x"})"),
              HasSubstr("no node has an input \"x.c\"; did you mean"));
}

constexpr char kTwice[] = R"(, "composites": {"Twice": {"weft": 1,
  "params": {"x": {"like": "one.a"}, "extra": {"type": "float", "default": 0}},
  "nodes": {"one": {"type": "Add", "inputs": {"a": "graph.x", "b": "graph.x"}}},
  "outputs": {"double": "one"}}})";

TEST_F(PlanTest, OpensCompositesInPlace) {
  const auto plan = Make(
      R"({"t": {"type": "Twice", "params": {"x": 3}}, "u": {"type": "Twice", "inputs": {"x": "t"}}})",
      R"({"o": "u"})", "{}", kTwice);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Paths(plan->nodes), ElementsAre("t/one", "u/one"));
}

TEST_F(PlanTest, ChecksWhatACompositeIsGiven) {
  EXPECT_THAT(Error(R"({"t": {"type": "Twice"}})", "{}", "{}", kTwice),
              HasSubstr("\"x\" is missing"));
  EXPECT_THAT(Error(R"({"t": {"type": "Twice", "params": {"x": 1, "y": 1}}})", "{}", "{}", kTwice),
              HasSubstr("has no param \"y\""));
  EXPECT_THAT(Error(R"({"t": {"type": "Twice", "params": {"x": "a"}}})", "{}", "{}", kTwice),
              HasSubstr("\"x\" expects float, not text"));
  EXPECT_THAT(Error(R"({"m": {"type": "MakeThing"}, "t": {"type": "Twice", "inputs": {"x": "m"}}})",
                    "{}", "{}", kTwice),
              HasSubstr("expects float, but \"m\" carries thing"));
}

TEST_F(PlanTest, KeepsACompositeClosed) {
  EXPECT_THAT(Error(R"({"outer": {"type": "Count"}, "t": {"type": "Peek"}})", "{}", "{}",
                    R"(, "composites": {"Peek": {"weft": 1, "nodes":
                       {"p": {"type": "Sum", "inputs": {"parts": "outer"}}}, "outputs": {}}})"),
              HasSubstr("there is no node \"outer\""));
}

TEST_F(PlanTest, RejectsACompositeThatContainsItself) {
  EXPECT_THAT(
      Error(
          R"({"t": {"type": "Ping"}})", "{}", "{}",
          R"(, "composites": {"Ping": {"weft": 1, "nodes": {"p": {"type": "Pong"}}, "outputs": {}},
                                        "Pong": {"weft": 1, "nodes": {"q": {"type": "Ping"}}, "outputs": {}}})"),
      HasSubstr("the composite contains itself: Ping → Pong → Ping"));
}

TEST_F(PlanTest, RejectsACycleThroughACompositesPassage) {
  EXPECT_THAT(
      Error(
          R"({"t": {"type": "Pass", "inputs": {"x": "u"}}, "u": {"type": "Pass", "inputs": {"x": "t"}}})",
          R"({"o": "t"})", "{}",
          R"(, "composites": {"Pass": {"weft": 1, "params": {"x": {"type": "float"}}, "nodes": {},
                                                 "outputs": {"y": "graph.x"}}})"),
      HasSubstr("the wires form a cycle"));
}

TEST_F(PlanTest, FindsCompositesInFoldersByTheirFilesName) {
  const std::string folder = ::testing::TempDir() + "/weft_parts";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/add_two.json") << R"({"weft": 1, "params": {"x": {"like": "n.a"}},
    "nodes": {"n": {"type": "Add", "inputs": {"a": "graph.x"}, "params": {"b": 2}}}, "outputs": {"y": "n"}})";
  folders_ = {folder};
  EXPECT_EQ(Error(R"({"t": {"type": "AddTwo", "params": {"x": 1}}})", R"({"o": "t"})"), "OK");
  EXPECT_THAT(Error(R"({"t": {"type": "AddToo", "params": {"x": 1}}})"),
              HasSubstr("did you mean \"AddTwo\"?"));
  std::ofstream(folder + "/add_two.json") << "{\"weft\": 1, ";
  EXPECT_THAT(Error(R"({"t": {"type": "AddTwo", "params": {"x": 1}}})"),
              HasSubstr("add_two.json: line 1"));
}

TEST_F(PlanTest, InlinesCompositesAtAnyDepth) {
  ASSERT_TRUE(
      Make(
          R"({"t": {"type": "Outer"}})", "{}", "{}",
          R"(, "composites": {"Outer": {"weft": 1, "nodes": {"i": {"type": "Inner"}}, "outputs": {}},
                                       "Inner": {"weft": 1, "nodes": {}, "outputs": {}}})")
          .ok());
  Composites composites({});
  const absl::StatusOr<GraphDef> inlined = Inlined(graph_, registry_, composites);
  ASSERT_TRUE(inlined.ok()) << inlined.status();
  EXPECT_EQ(inlined->composites.size(), 2u);
}

TEST_F(PlanTest, RefusesCompositesThatMultiplyWithoutEnd) {
  std::string composites = R"(, "composites": {"C0": {"weft": 1, "nodes": {}, "outputs": {}})";
  for (int i = 1; i < 40; ++i) {
    const std::string inner = absl::StrCat("C", i - 1);
    absl::StrAppend(
        &composites, ", \"C", i,
        R"(": {"weft": 1, "outputs": {}, "nodes": {"n": {"type": "Count"}, "a": {"type": ")", inner,
        R"("}, "b": {"type": ")", inner, R"("}, "c": {"type": ")", inner, R"("}}})");
  }
  EXPECT_THAT(Error(R"({"t": {"type": "C39"}})", "{}", "{}", composites + "}"),
              HasSubstr("too many composites"));
}

TEST_F(PlanTest, GivesParamsTheDocAndRangeOfThePortTheyAreLike) {
  ASSERT_TRUE(Make(R"({"x": {"type": "Add", "params": {"a": 1}, "inputs": {"b": "graph.step"}}})",
                   R"({"o": "x"})", R"({"step": {"like": "x.b", "doc": "How far"}})")
                  .ok());
  Composites composites({});
  const auto params = ParamsOf(graph_, registry_, composites);
  ASSERT_TRUE(params.ok()) << params.status();
  const PortSpec& step = (*params)[0].second;
  EXPECT_EQ(step.type.name, "float");
  EXPECT_EQ(*step.fallback.AsFloat(), 1.0);
  EXPECT_EQ(step.max, 100);
  EXPECT_EQ(step.doc, "How far");
  EXPECT_THAT(Error("{}", "{}", R"({"p": {"like": "x.b"}})"),
              HasSubstr("names no input of a node"));
}

}  // namespace
}  // namespace weft
