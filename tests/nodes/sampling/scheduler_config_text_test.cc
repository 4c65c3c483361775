#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/sampling/scheduler_config.h"
#include "tests/nodes/sampling/run_node.h"

namespace weft {

NodeType ParseSchedulerConfigNode();
NodeType SchedulerConfigTextNode();

namespace {

using ::testing::HasSubstr;

TEST(ParseSchedulerConfig, ReadsWhatDiffusersWrites) {
  const absl::StatusOr<Values> parsed =
      RunNode(ParseSchedulerConfigNode(),
              {{"text", Value(std::string(R"({"beta_schedule": "linear", "sigma": Infinity})"))}});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const absl::StatusOr<Values> text =
      RunNode(SchedulerConfigTextNode(), {{"config", parsed->at("config")}});
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text->at("text").AsText(), R"({"beta_schedule":"linear","sigma":null})");
}

TEST(ParseSchedulerConfig, SaysWhatIsWrongWithTheText) {
  const auto error = [](const char* text) {
    return std::string(RunNode(ParseSchedulerConfigNode(), {{"text", Value(std::string(text))}})
                           .status()
                           .message());
  };
  EXPECT_THAT(error("[1]"), HasSubstr("expects an object of options"));
  EXPECT_NE(error("{"), "");
}

}  // namespace
}  // namespace weft
