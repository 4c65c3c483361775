// What a program that runs a graph can see and change between the rounds of a loop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "runtime/exec/executor.h"
#include "runtime/graph/graph_json.h"
#include "runtime/graph/plan.h"
#include "tests/runtime/graph/test_nodes.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// sum = 0; four times: sum = sum + 1
constexpr char kLoop[] = R"({"weft": 1,
  "nodes": {
    "n": {"type": "Count", "params": {"count": 4}},
    "zero": {"type": "Add", "params": {"a": 0, "b": 0}},
    "loop": {"type": "Loop", "inputs": {"over": "n"}, "carry": {"sum": "zero"},
      "body": {"nodes": {"add": {"type": "Add", "inputs": {"a": "loop.sum"}, "params": {"b": 1}}},
               "next": {"sum": "add"}, "collect": {"sums": "add"}}}},
  "outputs": {"sum": "loop.sum", "sums": "loop.sums"}})";

class RoundTest : public ::testing::Test {
 protected:
  absl::StatusOr<RunResult> Run(RoundHook hook, const std::string& graph = kLoop) {
    environment_.on_round = std::move(hook);
    const absl::StatusOr<GraphDef> parsed = ParseGraphJson(graph, "g.json");
    if (!parsed.ok()) return parsed.status();
    Composites composites({});
    const absl::StatusOr<Plan> plan = MakePlan(*parsed, registry_, composites, {});
    if (!plan.ok()) return plan.status();
    if (const auto dry = DryRun(*plan, environment_); !dry.ok()) return dry.status();
    return Execute(*plan, environment_);
  }
  static double Sum(const absl::StatusOr<RunResult>& result) {
    return *result->outputs.at("sum").AsFloat();
  }

  Log log_;
  Registry registry_ = TestRegistry(log_);
  Environment environment_;
};

TEST_F(RoundTest, ShowsEveryRoundOnceAndNoneOfTheDryRun) {
  std::vector<std::string> seen;
  const auto result = Run([&](Round& round) {
    seen.push_back(absl::StrCat(round.loop, " ", round.index, "/", round.total, " ",
                                *round.carried.at("sum").AsFloat(), " ",
                                *round.collected.at("sums").AsFloat()));
    return absl::OkStatus();
  });
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(seen, ElementsAre("loop 0/4 1 1", "loop 1/4 2 2", "loop 2/4 3 3", "loop 3/4 4 4"));
}

TEST_F(RoundTest, TakesOverWhatIsCarriedFromTheProgram) {
  const auto result = Run([](Round& round) {
    if (round.index == 1) round.carried["sum"] = Value(100.0);
    return absl::OkStatus();
  });
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Sum(result), 102.0);
}

TEST_F(RoundTest, StopsTheLoopAfterThisRound) {
  const auto result = Run([](Round& round) {
    round.stop = round.index == 1;
    return absl::OkStatus();
  });
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Sum(result), 2.0);
  EXPECT_EQ(result->outputs.at("sums").AsList()->size(), 2u);
}

TEST_F(RoundTest, PutsAnInputInPlaceForTheRoundsToCome) {
  for (const char* name : {"add.b", "b"}) {
    const auto result = Run([name](Round& round) {
      if (round.index == 1) round.inputs[name] = Value(int64_t{10});
      return absl::OkStatus();
    });
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(Sum(result), 22.0) << name;
  }
}

TEST_F(RoundTest, NamesTheNearestInputWhereThereIsNoneOfThatName) {
  const auto result = Run([](Round& round) {
    round.inputs["ad.b"] = Value(1.0);
    return absl::OkStatus();
  });
  EXPECT_THAT(
      std::string(result.status().message()),
      HasSubstr("no node of the loop's body has an input \"ad.b\"; did you mean \"add.b\""));
}

TEST_F(RoundTest, ChecksTheRangeOfAnInputThatIsPutInPlace) {
  const auto result = Run([](Round& round) {
    round.inputs["add.b"] = Value(1000.0);
    return absl::OkStatus();
  });
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("\"b\" is 1000"));
}

TEST_F(RoundTest, RefusesANameThatNothingCarries) {
  const auto result = Run([](Round& round) {
    round.carried["sun"] = Value(1.0);
    return absl::OkStatus();
  });
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("nothing carries \"sun\"; did you mean \"sum\""));
}

TEST_F(RoundTest, EndsTheRunWithTheProgramsOwnError) {
  const auto result = Run([](Round&) { return absl::AbortedError("the program has had enough"); });
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("the program has had enough"));
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("node \"loop[0]\""));
}

TEST_F(RoundTest, SaysWhichNodeGotAValueOfTheWrongKind) {
  const auto result = Run([](Round& round) {
    round.carried["sum"] = Value(std::string("many"));
    return absl::OkStatus();
  });
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("expects float, but \"loop.sum\" gives text"));
}

TEST_F(RoundTest, LoopsOverAListForAsLongAsACarriedBoolHolds) {
  constexpr char kBoth[] = R"({"weft": 1, "nodes": {
      "n": {"type": "Count", "params": {"count": 10}},
      "zero": {"type": "Add", "params": {"a": 0, "b": 0}},
      "loop": {"type": "Loop", "inputs": {"over": "n"}, "while": "on",
        "carry": {"sum": "zero", "on": true},
        "body": {"nodes": {"add": {"type": "Add", "inputs": {"a": "loop.sum", "b": "loop.item"}},
                           "less": {"type": "Less", "inputs": {"a": "add"}, "params": {"b": 5}}},
                 "next": {"sum": "add", "on": "less"}}}},
    "outputs": {"sum": "loop.sum"}})";
  int64_t rounds = 0;
  const auto result = Run(
      [&rounds](Round& round) {
        rounds = round.index + 1;
        EXPECT_EQ(round.total, 10);
        return absl::OkStatus();
      },
      kBoth);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Sum(result), 6.0);  // 0 + 1 + 2 + 3
  EXPECT_EQ(rounds, 4);
}

}  // namespace
}  // namespace weft
