// ComfyUI's samplers on its schedules, as tests/parity/sampler_goldens.py wrote them down.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "nodes/sampling/scheduler_config.h"
#include "nodes/sampling/step.h"
#include "runtime/base/json.h"
#include "runtime/weights/weight_store.h"
#include "tests/nodes/sampling/run_node.h"
#include "tests/nodes/sampling/scheduler_nodes.h"

namespace weft {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// What stands for the UNet (tests/goldens/schedulers/README.md).
Tensor Predict(const Tensor& sample, int64_t position, double timestep) {
  std::vector<float> output;
  int64_t k = 0;
  for (float x : sample.span<float>()) {
    const double phase = 0.7 * static_cast<double>(position % 8) + 0.002 * timestep +
                         0.4 * static_cast<double>(k++ % 16);
    output.push_back(static_cast<float>(0.35 * std::sin(1.3 * static_cast<double>(x) + phase) +
                                        0.2 * static_cast<double>(x)));
  }
  return *Tensor::Of<float>(sample.shape(), output);
}

Value Config(const json& options) {
  return Value(std::shared_ptr<const Object>(std::make_shared<SchedulerConfig>(options, "golden")));
}

// The largest difference from `want`, as a share of its range.
double Off(const std::vector<float>& got, absl::Span<const float> want) {
  double worst = 0.0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double off = std::abs(static_cast<double>(got[i]) - want[i]);
    worst = std::isnan(off) ? off : std::max(worst, off);
  }
  const auto [low, high] = std::minmax_element(want.begin(), want.end());
  return worst / (static_cast<double>(*high) - *low);
}

class Case {
 public:
  Case(const json& row, const json& config, const WeightStore& store)
      : row_(row), config_(config), store_(store) {}

  // Gives the largest difference; what is wrong in shape fails on its own.
  absl::StatusOr<double> Run() {
    Values names = {{"config", Config(config_)},
                    {"sampler", Value(row_["sampler"].get<std::string>())},
                    {"schedule", Value(row_["schedule"].get<std::string>())},
                    {"noise_sampler_seed", Value(row_["noise_sampler_seed"].get<int64_t>())}};
    WEFT_ASSIGN_OR_RETURN(Values made, RunNode(SamplerSchedulerNode(), names));
    const Value scheduler = made["scheduler"];
    WEFT_ASSIGN_OR_RETURN(
        Values times,
        RunNode(TimestepsNode(), {{"scheduler", scheduler},
                                  {"num_inference_steps", Value(row_["steps"].get<int64_t>())}}));
    double worst = CompareLevels(*times["steps"].AsList());
    if (row_["kept"].empty()) return worst;

    const Shape shape(absl::MakeConstSpan(row_["shape"].get<std::vector<int64_t>>()));
    Rng rng(row_["seed"].get<uint64_t>());
    std::vector<float> noise(static_cast<size_t>(shape.numel()));
    rng.Normal(absl::MakeSpan(noise));
    WEFT_ASSIGN_OR_RETURN(
        Values carried,
        RunNode(ScaleNoiseNode(), {{"scheduler", scheduler},
                                   {"noise", Value(*Tensor::Of<float>(shape, noise))},
                                   {"first", times["first"]}}));
    carried["state"] = times["state"];
    carried["generator"] = Value(std::shared_ptr<const Object>(std::make_shared<Generator>(rng)));
    const Tensor want = *store_.weights().at(row_["latents"]).Read();
    const auto kept = row_["kept"].get<std::vector<int64_t>>();
    int64_t position = 0;
    for (const Value& item : *times["steps"].AsList()) {
      const Step step = Step::From(*item.AsRecord());
      WEFT_ASSIGN_OR_RETURN(Values scaled, RunNode(ScaleInputNode(), {{"scheduler", scheduler},
                                                                      {"latent", carried["latent"]},
                                                                      {"step", item}}));
      const Tensor output = Predict(*scaled["latent"].AsTensor(), position, step.timestep);
      WEFT_ASSIGN_OR_RETURN(carried,
                            RunNode(SchedulerStepNode(), {{"scheduler", scheduler},
                                                          {"noise", Value(output)},
                                                          {"latent", carried["latent"]},
                                                          {"step", item},
                                                          {"state", carried["state"]},
                                                          {"generator", carried["generator"]}}));
      const auto at = std::find(kept.begin(), kept.end(), position++);
      if (at == kept.end()) continue;
      // DPM-Solver's latents are scaled to unit variance, the sampler's are not.
      const double next = step.next != nullptr ? step.next->sigma : 0.0;
      const double unscale = row_["sampler"] == "dpmpp_2m" ? std::sqrt(next * next + 1.0) : 1.0;
      std::vector<float> got;
      for (float x : carried["latent"].AsTensor()->span<float>()) {
        got.push_back(static_cast<float>(x * unscale));
      }
      worst = std::max(
          worst, Off(got, want.span<float>().subspan(
                              static_cast<size_t>(at - kept.begin()) * got.size(), got.size())));
    }
    return worst;
  }

 private:
  // The levels at which steps begin; a second call in a step has the level where the step ends.
  double CompareLevels(const List& steps) const {
    const Tensor levels = *store_.weights().at(row_["levels"]).Read();
    std::vector<float> got;
    for (const Value& item : steps) {
      const Step step = Step::From(*item.AsRecord());
      if (got.empty() || got.back() != static_cast<float>(step.sigma)) {
        got.push_back(static_cast<float>(step.sigma));
      }
    }
    EXPECT_EQ(static_cast<int64_t>(got.size()) + 1, levels.numel()) << row_["name"];
    if (static_cast<int64_t>(got.size()) + 1 != levels.numel()) return 1.0;
    return Off(got, levels.span<float>().subspan(0, got.size()));
  }

  const json& row_;
  const json& config_;
  const WeightStore& store_;
};

TEST(SamplerGoldens, FollowTheFormulasOfTheSamplersOnEverySchedule) {
  const std::string stem = WEFT_SOURCE_DIR "/tests/goldens/schedulers/samplers";
  const absl::StatusOr<json> head = ReadJsonFile(stem + ".json");
  ASSERT_TRUE(head.ok()) << head.status();
  const auto store = WeightStore::Open(stem + ".safetensors.zst");
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_EQ((*head)["cases"].size(), 17 * 7 * 2);
  double worst = 0.0;
  for (const json& row : (*head)["cases"]) {
    const absl::StatusOr<double> off = Case(row, (*head)["config"], **store).Run();
    ASSERT_TRUE(off.ok()) << row["name"] << ": " << off.status();
    EXPECT_LE(*off, 1e-4) << row["name"];
    worst = std::max(worst, *off);
  }
  std::cout << (*head)["cases"].size() << " cases, worst " << worst << " of the range\n";
}

TEST(SamplerScheduler, NamesTheSamplersAndTheNearestOne) {
  const absl::Status status =
      RunNode(SamplerSchedulerNode(), {{"sampler", Value(std::string("dpmpp_2n"))}}).status();
  EXPECT_THAT(status.message(), HasSubstr("did you mean \"dpmpp_2m\"?"));
  EXPECT_THAT(RunNode(SamplerSchedulerNode(), {{"schedule", Value(std::string("karas"))}})
                  .status()
                  .message(),
              HasSubstr("did you mean \"karras\"?"));
}

TEST(SamplerScheduler, DrawsASeedForItsNoiseOnceAndKeepsItInTheState) {
  const Values made =
      *RunNode(SamplerSchedulerNode(), {{"sampler", Value(std::string("dpmpp_2m_sde"))}});
  const Values times = *RunNode(TimestepsNode(), {{"scheduler", made.at("scheduler")}});
  Values inputs = {{"scheduler", made.at("scheduler")},
                   {"noise", Value(*Tensor::Of<float>(Shape({1, 1, 1, 2}), {0.1f, 0.2f}))},
                   {"latent", Value(*Tensor::Of<float>(Shape({1, 1, 1, 2}), {3.0f, -5.0f}))},
                   {"step", times.at("first")},
                   {"state", times.at("state")}};
  EXPECT_THAT(RunNode(SchedulerStepNode(), inputs).status().message(),
              HasSubstr("wire a generator, or set \"noise_sampler_seed\""));
  inputs["generator"] = Value(std::shared_ptr<const Object>(std::make_shared<Generator>(Rng(5))));
  const Values after = *RunNode(SchedulerStepNode(), inputs);
  // torch.randint(0, 2**63 - 1, [], generator=torch.Generator().manual_seed(5))
  const int64_t seed = *after.at("state").AsRecord()->at("seed").AsInt();
  EXPECT_EQ(seed, 4095051218741643470);
  inputs["step"] = times.at("steps").AsList()->at(1);
  inputs["state"] = after.at("state");
  inputs["generator"] = after.at("generator");
  const Values later = *RunNode(SchedulerStepNode(), inputs);
  EXPECT_EQ(*later.at("state").AsRecord()->at("seed").AsInt(), seed);
}

}  // namespace
}  // namespace weft
