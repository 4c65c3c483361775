#include "runtime/graph/graph_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/graph/graph_json.h"
#include "runtime/graph/plan.h"
#include "runtime/graph/problem.h"
#include "tests/runtime/graph/test_nodes.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

InputDef To(const std::string& wire) { return InputDef{.source = Wire::Parse(wire)}; }
InputDef Is(double x) { return InputDef{.source = Value(x)}; }
NodeDef Node(std::string type, Ordered<InputDef> inputs, int line = 0) {
  NodeDef node;
  node.type = std::move(type);
  node.inputs = std::move(inputs);
  node.line = line;
  return node;
}

class GraphBuilderTest : public ::testing::Test {
 protected:
  std::vector<std::string> Outputs(const std::string& id) {
    const absl::StatusOr<std::vector<PortSpec>> ports = builder_.OutputsOf(id);
    std::vector<std::string> names;
    if (!ports.ok()) return {std::string(ports.status().message())};
    for (const PortSpec& port : *ports) names.push_back(port.name);
    return names;
  }

  Log log_;
  Registry registry_ = TestRegistry(log_);
  GraphBuilder builder_{GraphDef(), registry_, Composites({})};
};

TEST_F(GraphBuilderTest, NamesNodesByTheirTypeAndKeepsGivenNames) {
  EXPECT_EQ(*builder_.AddNode("", Node("SayBeside", {})), "say_beside");
  EXPECT_EQ(*builder_.AddNode("", Node("SayBeside", {})), "say_beside_2");
  EXPECT_EQ(*builder_.AddNode("mine", Node("SayBeside", {})), "mine");
  EXPECT_THAT(std::string(builder_.AddNode("mine", Node("SayBeside", {})).status().message()),
              HasSubstr("there is a node \"mine\" already"));
}

TEST_F(GraphBuilderTest, WritesWordsOfATypeApart) {
  EXPECT_EQ(SnakeCase("EncodePrompt"), "encode_prompt");
  EXPECT_EQ(SnakeCase("DDIMScheduler"), "ddim_scheduler");
  EXPECT_EQ(SnakeCase("UniPCMultistepScheduler"), "uni_pc_multistep_scheduler");
}

TEST_F(GraphBuilderTest, RefusesAMisspeltInputWithItsLineAndLeavesTheGraphAsItWas) {
  GraphDef start;
  start.file = "mine.lua";
  GraphBuilder builder(std::move(start), registry_, Composites({}));
  const auto id = builder.AddNode("x", Node("Add", {{"a", Is(1)}, {"bb", Is(2)}}, 7));
  const std::vector<Problem> problems = ProblemsOf(id.status());
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].line, 7);
  EXPECT_EQ(problems[0].file, "mine.lua");
  EXPECT_EQ(problems[0].node, "x");
  EXPECT_THAT(problems[0].message, HasSubstr("has no param \"bb\"; there are: a, b"));
  EXPECT_TRUE(builder.graph().nodes.empty());
}

TEST_F(GraphBuilderTest, RefusesAWireOfAnotherTypeWhenItIsMade) {
  ASSERT_TRUE(builder_.AddNode("word", Node("SayBeside", {})).ok());
  const auto id = builder_.AddNode("x", Node("Add", {{"a", To("word")}}));
  EXPECT_THAT(std::string(id.status().message()),
              HasSubstr("expects float, but \"word\" carries text"));
}

TEST_F(GraphBuilderTest, LetsParamsWaitForTheirValues) {
  ParamDef param;
  param.type = Type{"thing"};
  ASSERT_TRUE(builder_.AddParam("what", param).ok());
  const auto id = builder_.AddNode("x", Node("Add", {{"a", To("graph.what")}}));
  EXPECT_THAT(std::string(id.status().message()), HasSubstr("carries thing"));
  param.type = Type{"float"};
  ASSERT_TRUE(builder_.AddParam("much", param).ok());
  const auto good = builder_.AddNode("x", Node("Add", {{"a", To("graph.much")}}));
  EXPECT_TRUE(good.ok()) << good.status();
  EXPECT_THAT(std::string(builder_.AddParam("much", param).message()),
              HasSubstr("has a param \"much\" already"));
}

TEST_F(GraphBuilderTest, BuildsALoopWhoseBodySeesItemIndexAndCarries) {
  ASSERT_TRUE(builder_.AddNode("n", Node("Count", {})).ok());
  NodeDef loop = Node("Loop", {{"over", To("n")}});
  loop.carry = {{"sum", Is(0)}};
  ASSERT_EQ(*builder_.OpenLoop("loop", loop), "loop");
  EXPECT_THAT(Outputs("loop"), ::testing::ElementsAre("item", "index", "sum"));
  ASSERT_TRUE(
      builder_.AddNode("add", Node("Add", {{"a", To("loop.sum")}, {"b", To("loop.item")}})).ok());
  ASSERT_TRUE(builder_.CloseLoop({{"sum", To("add")}}, {{"sums", To("add")}}).ok());
  EXPECT_THAT(Outputs("loop"), ::testing::ElementsAre("sum", "sums"));
  ASSERT_TRUE(builder_.AddOutput("sum", To("loop.sum")).ok());
  Composites composites({});
  const auto plan = MakePlan(builder_.graph(), registry_, composites, {});
  EXPECT_TRUE(plan.ok()) << plan.status();
}

TEST_F(GraphBuilderTest, SaysWhatALoopsBodyDoesNotGiveAndDropsTheLoop) {
  ASSERT_TRUE(builder_.AddNode("n", Node("Count", {})).ok());
  NodeDef loop = Node("Loop", {{"over", To("n")}});
  loop.carry = {{"sum", Is(0)}};
  ASSERT_TRUE(builder_.OpenLoop("loop", loop).ok());
  EXPECT_THAT(std::string(builder_.CloseLoop({}, {}).message()),
              HasSubstr("does not say what \"sum\" becomes"));
  EXPECT_FALSE(builder_.is_open());
  EXPECT_EQ(builder_.graph().nodes.size(), 1u);
}

TEST_F(GraphBuilderTest, ChecksWhatALoopGoesOverBeforeItsBodyIsWritten) {
  ASSERT_TRUE(builder_.AddNode("x", Node("Add", {{"a", Is(1)}})).ok());
  const auto id = builder_.OpenLoop("loop", Node("Loop", {{"over", To("x")}, {"ovr", To("x")}}));
  EXPECT_THAT(std::string(id.status().message()), HasSubstr("has no input \"ovr\""));
  EXPECT_FALSE(builder_.is_open());
}

TEST_F(GraphBuilderTest, BuildsBothBranchesOfAnIf) {
  ASSERT_TRUE(builder_.AddNode("less", Node("Less", {{"a", Is(1)}, {"b", Is(2)}})).ok());
  ASSERT_TRUE(builder_.OpenIf("pick", Node("If", {{"condition", To("less")}})).ok());
  ASSERT_TRUE(builder_.AddNode("one", Node("Add", {{"a", Is(1)}})).ok());
  ASSERT_TRUE(builder_.Else({{"x", To("one")}}).ok());
  ASSERT_TRUE(builder_.AddNode("two", Node("Add", {{"a", Is(2)}})).ok());
  const absl::Status closed = builder_.CloseIf({{"x", To("two")}});
  ASSERT_TRUE(closed.ok()) << closed;
  EXPECT_TRUE(builder_.AddOutput("x", To("pick.x")).ok());
  EXPECT_THAT(std::string(builder_.AddOutput("y", To("pick.y")).message()),
              HasSubstr("leads nowhere"));
}

TEST_F(GraphBuilderTest, ForgetsAnAbandonedLoop) {
  ASSERT_TRUE(builder_.AddNode("n", Node("Count", {})).ok());
  ASSERT_TRUE(builder_.OpenLoop("loop", Node("Loop", {{"over", To("n")}})).ok());
  builder_.Abandon();
  EXPECT_FALSE(builder_.is_open());
  EXPECT_EQ(builder_.graph().nodes.size(), 1u);
}

TEST_F(GraphBuilderTest, RefusesPortsOnNodesThatDeclareNone) {
  NodeDef node = Node("Add", {{"a", Is(1)}});
  node.declared_inputs.emplace_back("c", ParamDef{.type = Type{"float"}});
  EXPECT_THAT(std::string(builder_.AddNode("x", node).status().message()),
              HasSubstr("cannot declare \"ports\""));
}

}  // namespace
}  // namespace weft
