#include "runtime/node_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/runtime/graph/test_nodes.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

class NodeCallTest : public ::testing::Test {
 protected:
  NodeCallTest() {
    // Two outputs of which one fails.
    static constexpr Out<double> kGood{"good", "1"};
    static constexpr Out<double> kBad{"bad", "fails"};
    NodeType parts{Contract{.type = "Parts",
                            .doc = "Two parts",
                            .category = "test",
                            .separate_outputs = true,
                            .outputs = {kGood, kBad}},
                   [this](NodeContext& ctx) -> absl::Status {
                     ++runs_;
                     if (ctx.Wanted(kBad)) return absl::NotFoundError("there is no bad part");
                     ctx.Set(kGood, 1.0);
                     return absl::OkStatus();
                   }};
    EXPECT_TRUE(registry_.Add(std::move(parts)).ok());
    runtime_.registry = &registry_;
  }
  absl::StatusOr<Value> Call(const std::string& type, absl::btree_map<std::string, Value> inputs,
                             const std::string& output = "") {
    absl::StatusOr<NodeCall> call = NodeCall::Make(type, std::move(inputs), runtime_, {});
    if (!call.ok()) return call.status();
    return call->Output(output);
  }
  std::string Message(const std::string& type, absl::btree_map<std::string, Value> inputs,
                      const std::string& output = "") {
    return std::string(Call(type, std::move(inputs), output).status().message());
  }

  int runs_ = 0;
  Log log_;
  Registry registry_ = TestRegistry(log_);
  Runtime runtime_;
};

TEST_F(NodeCallTest, RunsANodeByItself) {
  const auto sum = Call("Add", {{"a", Value(int64_t{2})}, {"b", Value(3.0)}});
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_EQ(*sum->AsFloat(), 5.0);
}

TEST_F(NodeCallTest, LeavesWhatIsNullAtItsDefault) {
  const auto sum = Call("Add", {{"a", Value(2.0)}, {"b", Value()}});
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_EQ(*sum->AsFloat(), 3.0);
}

TEST_F(NodeCallTest, TakesOneValueForAListOfOne) {
  const auto total = Call("Sum", {{"parts", Value(4.0)}});
  ASSERT_TRUE(total.ok()) << total.status();
  EXPECT_EQ(*total->AsFloat(), 4.0);
}

TEST_F(NodeCallTest, HandsObjectsFromCallToCall) {
  const std::shared_ptr<const Object> thing = std::make_shared<Thing>(4);
  EXPECT_TRUE(Call("UseThing", {{"thing", Value(thing)}}).ok() ||
              registry_.Find("UseThing") == nullptr);
  EXPECT_THAT(Message("Add", {{"a", Value(thing)}}), HasSubstr("\"a\" expects float, not thing"));
}

TEST_F(NodeCallTest, NamesTheNearestTypeInputAndOutput) {
  EXPECT_THAT(Message("Ad", {}), HasSubstr("unknown node type \"Ad\"; did you mean \"Add\""));
  EXPECT_THAT(Message("Add", {{"bb", Value(1.0)}}),
              HasSubstr("Add has no input \"bb\"; there are: a, b"));
  EXPECT_THAT(Message("Add", {{"a", Value(1.0)}}, "sun"),
              HasSubstr("Add has no output \"sun\"; did you mean \"sum\""));
  EXPECT_THAT(Message("Parts", {}), HasSubstr("Parts has several outputs: good, bad"));
}

TEST_F(NodeCallTest, SaysWhatIsMissingAndWhatIsOutOfRange) {
  EXPECT_THAT(Message("Add", {}), HasSubstr("is missing: it needs float"));
  EXPECT_THAT(Message("Add", {{"a", Value(1.0)}, {"b", Value(1000.0)}}), HasSubstr("\"b\""));
}

TEST_F(NodeCallTest, RunsSeparateOutputsOnlyWhenTheyAreAskedFor) {
  absl::StatusOr<NodeCall> call = NodeCall::Make("Parts", {}, runtime_, {});
  ASSERT_TRUE(call.ok()) << call.status();
  EXPECT_EQ(runs_, 0);
  EXPECT_EQ(*call->Output("good")->AsFloat(), 1.0);
  EXPECT_EQ(*call->Output("good")->AsFloat(), 1.0);
  EXPECT_EQ(runs_, 1) << "an output is computed once";
  EXPECT_THAT(std::string(call->Output("bad").status().message()),
              HasSubstr("there is no bad part"));
}

TEST_F(NodeCallTest, CallsCompositesAsItCallsNodes) {
  const std::string folder = ::testing::TempDir() + "/node_call_parts";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/twice.json") << R"({"weft": 1, "title": "Twice",
      "params": {"x": {"type": "float"}},
      "nodes": {"add": {"type": "Add", "inputs": {"a": "graph.x", "b": "graph.x"}}},
      "outputs": {"sum": "add"}})";
  runtime_.parts_folders = {folder};
  const auto sum = Call("Twice", {{"x", Value(4.0)}});
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_EQ(*sum->AsFloat(), 8.0);
  EXPECT_THAT(Message("Twice", {{"y", Value(4.0)}}), HasSubstr("Twice has no input \"y\""));
}

}  // namespace
}  // namespace weft
