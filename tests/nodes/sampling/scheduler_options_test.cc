#include "nodes/sampling/scheduler_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "nodes/sampling/scheduler_config.h"
#include "tests/nodes/sampling/scheduler_nodes.h"

namespace weft {
namespace {

using testing::HasSubstr;

SchedulerOptions Resolve(const nlohmann::json& config,
                         const absl::btree_map<std::string, Value>& graph = {}) {
  SchedulerOptions defaults;
  defaults.steps_offset = 7;
  const SchedulerConfig object(config, "test");
  const auto options =
      ResolveOptions({"beta_start", "steps_offset", "clip_sample", "trained_betas",
                      "disable_corrector", "lambda_min_clipped", "prediction_type"},
                     defaults, &object, graph);
  EXPECT_TRUE(options.ok()) << options.status();
  return options.value_or(SchedulerOptions());
}

TEST(SchedulerOptions, TakeTheGraphBeforeTheConfigBeforeTheDefault) {
  EXPECT_EQ(Resolve({}).steps_offset, 7);
  EXPECT_EQ(Resolve({{"steps_offset", 1}}).steps_offset, 1);
  EXPECT_EQ(Resolve({{"steps_offset", 1}}, {{"steps_offset", Value(int64_t{2})}}).steps_offset, 2);
}

TEST(SchedulerOptions, IgnoreUnknownKeysAndNullsOfAConfig) {
  const SchedulerOptions options =
      Resolve({{"_class_name", "PNDMScheduler"}, {"steps_offset", nullptr}, {"eta", "much"}});
  EXPECT_EQ(options.steps_offset, 7);
  EXPECT_EQ(options.eta, 0.0);
}

TEST(SchedulerOptions, ReadEveryKind) {
  const SchedulerOptions options = Resolve({{"beta_start", 1},
                                            {"steps_offset", 3.0},
                                            {"clip_sample", false},
                                            {"trained_betas", {0.5, 1}},
                                            {"disable_corrector", {0, 2}},
                                            {"lambda_min_clipped", -5.1},
                                            {"prediction_type", "sample"}});
  EXPECT_EQ(options.beta_start, 1.0);
  EXPECT_EQ(options.steps_offset, 3);
  EXPECT_FALSE(options.clip_sample);
  EXPECT_THAT(options.trained_betas, testing::ElementsAre(0.5, 1.0));
  EXPECT_THAT(options.disable_corrector, testing::ElementsAre(0, 2));
  EXPECT_EQ(options.lambda_min_clipped, -5.1);
  EXPECT_EQ(options.prediction_type, "sample");
}

TEST(SchedulerOptions, AreDocumentedPortsOfEveryScheduler) {
  for (const auto& [type, node] : SchedulerNodes()) {
    EXPECT_EQ(node.contract.type, type);
    ASSERT_NE(node.contract.Input("num_train_timesteps"), nullptr) << type;
    EXPECT_EQ(node.contract.Input("config")->type.ToString(), "config");
    for (const PortSpec& port : node.contract.inputs) {
      EXPECT_FALSE(port.required) << type << "." << port.name;
      EXPECT_TRUE(port.fallback.is_null()) << "it would hide the config: " << port.name;
      EXPECT_THAT(port.doc, testing::Not(HasSubstr("not in the table")))
          << type << "." << port.name;
    }
  }
  EXPECT_THAT(SchedulerNodes().at("HeunDiscreteScheduler").contract.Input("beta_start")->doc,
              HasSubstr("If neither the graph nor the config says: 0.00085."));
}

TEST(SchedulerConfig, TakesPythonsInfinitiesForNotSet) {
  const std::string path = testing::TempDir() + "weft_scheduler_config.json";
  std::ofstream(path) << R"({"lambda_min_clipped": -Infinity, "a": [NaN, Infinity],
                             "_class_name": "-Infinity \" NaN"})";
  const auto config = SchedulerConfig::Read(path);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE((*config)->json()["lambda_min_clipped"].is_null());
  EXPECT_EQ((*config)->json()["a"], nlohmann::json::parse("[null, null]"));
  EXPECT_EQ((*config)->json()["_class_name"], "-Infinity \" NaN");
}

TEST(SchedulerConfig, NamesTheFileThatIsNoConfig) {
  const std::string path = testing::TempDir() + "weft_scheduler_config_list.json";
  std::ofstream(path) << "[1]";
  EXPECT_THAT(SchedulerConfig::Read(path).status().message(),
              testing::AllOf(HasSubstr(path), HasSubstr("expects an object")));
  std::ofstream(path) << "{\"a\": }";
  EXPECT_THAT(SchedulerConfig::Read(path).status().message(),
              testing::AllOf(HasSubstr(path), HasSubstr("line 1")));
  EXPECT_THAT(SchedulerConfig::Read(path + ".none").status().message(), HasSubstr(".none"));
}

}  // namespace
}  // namespace weft
