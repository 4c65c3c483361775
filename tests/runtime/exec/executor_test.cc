#include "runtime/exec/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "runtime/exec/trace.h"
#include "runtime/graph/graph_json.h"
#include "runtime/graph/plan.h"
#include "tests/runtime/graph/test_nodes.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ExecutorTest : public ::testing::Test {
 protected:
  ExecutorTest() {
    environment_.cancelled = &log_.cancel;
    environment_.events = [this](const Event& event) { events_.push_back(event); };
  }
  absl::StatusOr<Plan> Make(const std::string& nodes, const std::string& outputs) {
    const absl::StatusOr<GraphDef> parsed = ParseGraphJson(
        absl::StrCat("{\"weft\": 1, \"nodes\": ", nodes, ", \"outputs\": ", outputs, "}"),
        "g.json");
    if (!parsed.ok()) return parsed.status();
    graph_ = *parsed;
    Composites composites({});
    return MakePlan(graph_, registry_, composites, {});
  }
  absl::StatusOr<RunResult> Run(const std::string& nodes, const std::string& outputs = "{}") {
    const absl::StatusOr<Plan> plan = Make(nodes, outputs);
    if (!plan.ok()) return plan.status();
    return Execute(*plan, environment_);
  }
  absl::StatusOr<DryRunResult> Dry(const std::string& nodes, const std::string& outputs = "{}") {
    const absl::StatusOr<Plan> plan = Make(nodes, outputs);
    if (!plan.ok()) return plan.status();
    return DryRun(*plan, environment_);
  }

  Log log_;
  Registry registry_ = TestRegistry(log_);
  Environment environment_;
  std::vector<Event> events_;
  GraphDef graph_;
};

TEST_F(ExecutorTest, AddsNumbersAlongTheWires) {
  const auto result = Run(R"({"x": {"type": "Add", "params": {"a": 1, "b": 2}},
                              "y": {"type": "Add", "inputs": {"a": "x", "b": "x"}}})",
                          R"({"o": "y"})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("o").AsFloat(), 6.0);
}

constexpr char kLoop[] = R"({"n": {"type": "Count", "params": {"count": 4}},
  "zero": {"type": "Add", "params": {"a": 0, "b": 0}},
  "loop": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"sum": "zero", "last": null},
    "body": {"nodes": {"add": {"type": "Add", "inputs": {"a": "loop.sum", "b": "loop.item"}}},
             "next": {"sum": "add", "last": "loop.index"}, "collect": {"sums": "add"}}},
  "total": {"type": "Sum", "inputs": {"parts": "loop.sums"}}})";

TEST_F(ExecutorTest, LoopsOverAListCarryingAndCollecting) {
  const auto result = Run(kLoop, R"({"sum": "loop.sum", "last": "loop.last", "total": "total"})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("sum").AsFloat(), 6.0);
  EXPECT_EQ(*result->outputs.at("last").AsInt(), 3);
  EXPECT_EQ(*result->outputs.at("total").AsFloat(), 0 + 1 + 3 + 6);
}

TEST_F(ExecutorTest, GivesBackTheFirstValuesOfALoopOverNothing) {
  const auto result = Run(
      R"({"n": {"type": "Count", "params": {"count": 0}}, "two": {"type": "Add", "params": {"a": 1}},
    "loop": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"v": "two"}, "body": {"nodes": {}, "next": {"v": "loop.v"}}}})",
      R"({"v": "loop.v"})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("v").AsFloat(), 2.0);
}

TEST_F(ExecutorTest, SwapsCarriedValuesAtOnce) {
  const auto result = Run(R"({"n": {"type": "Count", "params": {"count": 3}},
    "one": {"type": "Add", "params": {"a": 1, "b": 0}}, "two": {"type": "Add", "params": {"a": 2, "b": 0}},
    "loop": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"p": "one", "q": "two"},
             "body": {"nodes": {}, "next": {"p": "loop.q", "q": "loop.p"}}}})",
                          R"({"p": "loop.p", "q": "loop.q"})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("p").AsFloat(), 2.0);
  EXPECT_EQ(*result->outputs.at("q").AsFloat(), 1.0);
}

constexpr char kWhile[] =
    R"({"zero": {"type": "Add", "params": {"a": 0, "b": 0}}, "go": {"type": "Less", "params": {"a": 0}},
  "loop": {"type": "Loop", "while": "on", "carry": {"x": "zero", "on": "go"}, %s
    "body": {"nodes": {"add": {"type": "Add", "inputs": {"a": "loop.x"}, "params": {"b": 2}},
                       "less": {"type": "Less", "inputs": {"a": "add"}, "params": {"b": 7}}},
             "next": {"x": "add", "on": "less"}}}})";

TEST_F(ExecutorTest, LoopsWhileACarriedBoolHolds) {
  std::string graph = kWhile;
  graph.replace(graph.find("%s"), 2, "");
  const auto result = Run(graph, R"({"x": "loop.x"})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("x").AsFloat(), 8.0);
}

TEST_F(ExecutorTest, StopsAWhileLoopThatGoesOnTooLong) {
  std::string graph = kWhile;
  graph.replace(graph.find("%s"), 2, R"("params": {"max_rounds": 2},)");
  EXPECT_THAT(std::string(Run(graph, R"({"x": "loop.x"})").status().message()),
              HasSubstr("still going after 2 rounds"));
}

TEST_F(ExecutorTest, NestsLoopsAndReadsTheNodesAround) {
  const auto result = Run(
      R"({"n": {"type": "Count", "params": {"count": 3}}, "ten": {"type": "Add", "params": {"a": 10, "b": 0}},
    "outer": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"s": "ten"}, "body": {
      "nodes": {"inner": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"t": "outer.s"}, "body": {
                  "nodes": {"a": {"type": "Add", "inputs": {"a": "inner.t", "b": "outer.item"}},
                            "b": {"type": "Add", "inputs": {"a": "a", "b": "ten"}}},
                  "next": {"t": "b"}}}},
      "next": {"s": "inner.t"}}}})",
      R"({"s": "outer.s"})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("s").AsFloat(), 10 + 3 * (0 + 1 + 2) + 9 * 10);
}

TEST_F(ExecutorTest, TakesOneBranchOfAnIf) {
  for (const bool less : {true, false}) {
    log_.ran.clear();
    const auto result =
        Run(absl::StrCat(R"({"c": {"type": "Less", "params": {"a": )", less ? 0 : 2, R"(}},
      "i": {"type": "If", "inputs": {"condition": "c"},
            "then": {"nodes": {"y": {"type": "Say", "params": {"text": "yes"}}}, "outputs": {"v": "y"}},
            "else": {"nodes": {"n": {"type": "Say", "params": {"text": "no"}}}, "outputs": {"v": "n"}}}})"),
            R"({"v": "i.v"})");
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(*result->outputs.at("v").AsText(), less ? "yes" : "no");
    EXPECT_THAT(log_.ran, ElementsAre(less ? "Say yes" : "Say no"));
  }
}

TEST_F(ExecutorTest, HandsTheLastReferenceToTheLastReader) {
  const auto result =
      Run(R"({"z": {"type": "Zeros"}, "once": {"type": "Raise", "inputs": {"field": "z"}},
                              "twice": {"type": "Raise", "inputs": {"field": "z"}}})",
          R"({"p": "once", "q": "twice"})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(log_.took_last_reference, ElementsAre(false, true));
  EXPECT_EQ(result->outputs.at("p").AsTensor()->data<float>()[0], 1.0f);
  EXPECT_EQ(result->outputs.at("q").AsTensor()->data<float>()[0], 1.0f);
}

TEST_F(ExecutorTest, WorksInPlaceOnACarriedTensor) {
  const auto result = Run(
      R"({"z": {"type": "Zeros", "params": {"count": 1000}}, "n": {"type": "Count", "params": {"count": 5}},
    "loop": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"f": "z"},
             "body": {"nodes": {"r": {"type": "Raise", "inputs": {"field": "loop.f"}}}, "next": {"f": "r"}}}})",
      R"({"f": "loop.f"})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->outputs.at("f").AsTensor()->data<float>()[999], 5.0f);
  EXPECT_THAT(log_.took_last_reference, ElementsAre(true, true, true, true, true));
  EXPECT_EQ(result->peak_bytes, 4000u);
}

TEST_F(ExecutorTest, PredictsThePeakOfMemoryInADryRun) {
  const std::string graph =
      R"({"z": {"type": "Zeros", "params": {"count": 1000}}, "n": {"type": "Count", "params": {"count": 7}},
    "loop": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"f": "z"},
             "body": {"nodes": {"y": {"type": "Zeros", "params": {"count": 500}}}, "next": {"f": "loop.f"},
                      "collect": {"all": "y"}}}})";
  const std::string outputs = R"({"f": "loop.f", "all": "loop.all"})";
  const auto dry = Dry(graph, outputs);
  ASSERT_TRUE(dry.ok()) << dry.status();
  const auto result = Run(graph, outputs);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->peak_bytes, 4000u + 7 * 2000u);
  EXPECT_EQ(dry->peak_bytes, result->peak_bytes);
  EXPECT_EQ(dry->outputs.at("all"), "list of 7 × tensor f32 [500]");
}

TEST_F(ExecutorTest, FindsInADryRunWhatTypesDoNotShow) {
  const auto dry = Dry(R"({"t": {"type": "MakeThing", "params": {"size": 5}},
  "x": {"type": "UseThing", "inputs": {"thing": "t.thing"}},
  "y": {"type": "UseThing", "inputs": {"thing": "t"}}})",
                       R"({"o": "x", "p": "y"})");
  const std::vector<Problem> problems = ProblemsOf(dry.status());
  ASSERT_EQ(problems.size(), 2u) << dry.status();
  EXPECT_EQ(
      problems[0].ToString(),
      "g.json:2: node \"x\" (UseThing): \"thing\" expects thing[size=4] (UseThing's own size), "
      "but gets thing[size=5] (from \"t.thing\")");
  EXPECT_TRUE(log_.ran.empty());
}

TEST_F(ExecutorTest, LeavesAnOptionalInputOut) {
  const auto result = Run(R"({"m": {"type": "MaybeThing"}})", R"({"o": "m"})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("o").AsFloat(), 0.0);
}

TEST_F(ExecutorTest, ReachesIntoRecords) {
  const auto result = Run(
      R"({"r": {"type": "MakeRecord"}, "x": {"type": "Add", "inputs": {"a": "r.record.number"}}})",
      R"({"o": "x", "deep": "r.record.inner.deep"})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result->outputs.at("o").AsFloat(), 8.0);
  EXPECT_TRUE(*result->outputs.at("deep").AsBool());
  EXPECT_THAT(
      std::string(
          Run(R"({"r": {"type": "MakeRecord"}, "x": {"type": "Add", "inputs": {"a": "r.record.numbr"}}})",
              R"({"o": "x"})")
              .status()
              .message()),
      HasSubstr("has no field \"numbr\"; did you mean \"number\"?"));
  EXPECT_THAT(
      std::string(
          Run(R"({"r": {"type": "MakeRecord"}, "x": {"type": "Add", "inputs": {"a": "r.record.inner"}}})",
              R"({"o": "x"})")
              .status()
              .message()),
      HasSubstr("expects float, but \"r.record.inner\" gives record"));
}

// A port of type "any" may give a record, a tensor or an object where only one of them will do.
TEST_F(ExecutorTest, RefusesPlainDataWhereANodeTakesAnObjectOrATensor) {
  EXPECT_THAT(
      std::string(
          Run(R"({"r": {"type": "MakeRecord"}, "x": {"type": "UseThing", "inputs": {"thing": "r.record.inner"}}})",
              R"({"o": "x"})")
              .status()
              .message()),
      HasSubstr("\"thing\" expects thing, but \"r.record.inner\" gives record"));
  EXPECT_THAT(
      std::string(
          Run(R"({"r": {"type": "MakeRecord"}, "x": {"type": "Raise", "inputs": {"field": "r.record.inner"}}})",
              R"({"o": "x"})")
              .status()
              .message()),
      HasSubstr("\"field\" expects field, but \"r.record.inner\" gives record"));
}

TEST_F(ExecutorTest, HoldsWiredNumbersToThePortsRange) {
  EXPECT_THAT(
      std::string(
          Run(R"({"x": {"type": "Add", "params": {"a": 99, "b": 2}}, "y": {"type": "Add", "params": {"a": 0}, "inputs": {"b": "x"}}})",
              R"({"o": "y"})")
              .status()
              .message()),
      HasSubstr("node \"y\" (Add): \"b\" is 101, above its maximum of 100 (from \"x\")"));
}

TEST_F(ExecutorTest, SaysWhichNodeOfWhichRoundFailed) {
  const auto result = Run(R"({"n": {"type": "Count"}, "zero": {"type": "Add", "params": {"a": 0}},
    "loop": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"x": "zero"},
             "body": {"nodes": {"bad": {"type": "Fail", "inputs": {"a": "loop.x"}}}, "next": {"x": "bad"}}}})",
                          R"({"x": "loop.x"})");
  EXPECT_THAT(
      std::string(result.status().message()),
      HasSubstr("node \"loop[0]/bad\" (Fail): \"a\" is not to its taste (from \"loop.x\")"));
}

TEST_F(ExecutorTest, TurnsALibrarysExceptionIntoAnError) {
  EXPECT_THAT(std::string(Run(R"({"t": {"type": "Throw"}})", R"({"o": "t"})").status().message()),
              HasSubstr("node \"t\" (Throw): out of memory"));
}

TEST_F(ExecutorTest, StopsBeforeTheNextNodeWhenCancelled) {
  const auto result = Run(
      R"({"stop": {"type": "Cancel"}, "say": {"type": "Say", "params": {"text": "too late"}}})");
  EXPECT_TRUE(absl::IsCancelled(result.status())) << result.status();
  EXPECT_TRUE(log_.ran.empty());
}

TEST_F(ExecutorTest, RunsLightNodesBesideAndWaitsForThem) {
  const auto result = Run(R"({"n": {"type": "Count", "params": {"count": 20}},
    "loop": {"type": "Loop", "inputs": {"over": "n"}, "body": {"nodes": {"s": {"type": "SayBeside", "params": {"text": "hi"}}},
             "collect": {"all": "s"}}}})",
                          R"({"all": "loop.all"})");
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->outputs.at("all").AsList()->size(), 20u);
  EXPECT_EQ(*result->outputs.at("all").AsList()->back().AsText(), "hi!");
}

TEST_F(ExecutorTest, ReportsTheFailureOfALightNodeThatNobodyWaitedFor) {
  EXPECT_THAT(
      std::string(
          Run(R"({"s": {"type": "SayBeside", "params": {"text": "fail"}}})").status().message()),
      HasSubstr("node \"s\" (SayBeside): could not say it"));
}

TEST_F(ExecutorTest, TellsWhatHappensAsItHappens) {
  ASSERT_TRUE(Run(kLoop, R"({"sum": "loop.sum"})").ok());
  std::vector<std::string> progress;
  Trace trace;
  int finished = 0;
  for (const Event& event : events_) {
    trace.Add(event);
    if (event.kind == Event::Kind::kNodeFinished) ++finished;
    if (event.kind == Event::Kind::kProgress)
      progress.push_back(absl::StrCat(event.node, " ", event.done, "/", event.total));
  }
  EXPECT_THAT(progress, ElementsAre("loop 1/4", "loop 2/4", "loop 3/4", "loop 4/4"));
  EXPECT_EQ(finished, 2 + 4);
  EXPECT_THAT(trace.ToJson(), HasSubstr("\"name\": \"loop[3]/add\""));
}

}  // namespace
}  // namespace weft
