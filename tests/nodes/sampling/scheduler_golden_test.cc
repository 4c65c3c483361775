// Every trajectory in tests/goldens/schedulers, which describes them, through the nodes that a
// graph would use.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "nodes/sampling/scheduler_config.h"
#include "nodes/sampling/step.h"
#include "runtime/base/json.h"
#include "runtime/base/rng.h"
#include "runtime/weights/weight_store.h"
#include "tests/nodes/sampling/run_node.h"
#include "tests/nodes/sampling/scheduler_nodes.h"

namespace weft {
namespace {

using nlohmann::json;

// The bar: the largest difference as a share of the expected values' range.
constexpr double kTolerance = 1e-4;

// What stands for the UNet.
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

Tensor Noise(Rng& rng, const Shape& shape, double factor = 1.0) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  rng.Normal(absl::MakeSpan(values));
  for (float& value : values) value *= static_cast<float>(factor);
  return *Tensor::Of<float>(shape, values);
}

double Worst(absl::Span<const float> got, absl::Span<const float> want) {
  if (got.size() != want.size()) return std::numeric_limits<double>::infinity();
  double worst = 0.0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(static_cast<double>(got[i]) - want[i]);
    worst = std::isnan(difference) ? difference : std::max(worst, difference);
  }
  const auto [low, high] = std::minmax_element(want.begin(), want.end());
  return worst == 0.0 ? 0.0 : worst / (static_cast<double>(*high) - *low);
}

class Case {
 public:
  Case(const std::string& type, const json& row, const WeightStore& store)
      : type_(type), row_(row), store_(store) {}

  // Empty where all is well, else what differs.
  absl::StatusOr<std::string> Run(const json& head, double& worst);

 private:
  Tensor Golden(const char* key) const { return *store_.weights().at(row_[key]).Read(); }
  void Compare(const std::string& what, const Tensor& got, absl::Span<const float> want) {
    const double off = Worst(got.span<float>(), want);
    worst_ = std::max(worst_, off);
    if (!(off <= kTolerance) && wrong_.empty()) {
      wrong_ = absl::StrCat(what, " is off by ", off, " of its range");
    }
  }
  // Compares with the row at `position` of a stack of tensors, if the golden keeps it.
  void CompareKept(const char* key, const char* kept_key, int64_t position, const Tensor& got) {
    if (!row_.contains(key)) return;
    const auto kept = row_[kept_key].get<std::vector<int64_t>>();
    const auto it = std::find(kept.begin(), kept.end(), position);
    if (it == kept.end()) return;
    const Tensor stack = Golden(key);
    const size_t size = static_cast<size_t>(got.numel());
    Compare(absl::StrCat(key, " at position ", position), got,
            stack.span<float>().subspan(static_cast<size_t>(it - kept.begin()) * size, size));
  }

  std::string type_;
  const json& row_;
  const WeightStore& store_;
  std::string wrong_;
  double worst_ = 0.0;
};

absl::StatusOr<std::string> Case::Run(const json& head, double& worst) {
  json config = row_["config"];
  if (row_.contains("step_options")) config.update(row_["step_options"]);
  if (row_.contains("tau")) {
    config["tau"] = row_["tau"][0];
    config["tau_min_timestep"] = row_["tau"][1];
    config["tau_max_timestep"] = row_["tau"][2];
  }
  const Value options(
      std::shared_ptr<const Object>(std::make_shared<SchedulerConfig>(config, "golden")));
  WEFT_ASSIGN_OR_RETURN(Values made, RunNode(SchedulerNodes().at(type_), {{"config", options}}));
  const Value scheduler = made["scheduler"];
  const auto steps_count = row_["steps"].get<int64_t>();
  const double strength = row_.value("strength", 1.0);
  Values times_in = {{"scheduler", scheduler}, {"num_inference_steps", Value(steps_count)}};
  WEFT_ASSIGN_OR_RETURN(Values full, RunNode(TimestepsNode(), times_in));
  times_in["strength"] = Value(strength);
  WEFT_ASSIGN_OR_RETURN(Values times, RunNode(TimestepsNode(), times_in));

  // Timesteps, sigmas.
  std::vector<float> timesteps;
  std::vector<float> sigmas;
  for (const Value& value : *full["steps"].AsList()) {
    const Step step = Step::From(*value.AsRecord());
    timesteps.push_back(static_cast<float>(step.timestep));
    sigmas.push_back(static_cast<float>(step.sigma));
  }
  const Tensor all = *Tensor::Of<float>(Shape({static_cast<int64_t>(timesteps.size())}), timesteps);
  if (timesteps.size() > 1) Compare("timesteps", all, Golden("timesteps").span<float>());
  if (row_.contains("sigmas")) {
    const Tensor want = Golden("sigmas");
    if (want.numel() < static_cast<int64_t>(sigmas.size())) return std::string("too many sigmas");
    if (sigmas.size() > 1) {
      Compare("sigmas", *Tensor::Of<float>(all.shape(), sigmas),
              want.span<float>().subspan(0, sigmas.size()));
    }
  }

  // The latent that the run begins with.
  const Shape shape(absl::MakeConstSpan(row_["shape"].get<std::vector<int64_t>>()));
  Rng rng(row_["seed"].get<uint64_t>());
  const Tensor noise = Noise(rng, shape);
  Rng clean_rng(head["clean_seed"].get<uint64_t>());
  const Tensor clean = Noise(clean_rng, shape, 0.8);
  Rng again_rng(head["inpaint_seed"].get<uint64_t>());
  const Tensor again = Noise(again_rng, shape);
  Value latent;
  if (row_.contains("strength")) {
    WEFT_ASSIGN_OR_RETURN(Values noised, RunNode(AddNoiseNode(), {{"scheduler", scheduler},
                                                                  {"latent", Value(clean)},
                                                                  {"noise", Value(noise)},
                                                                  {"step", times["first"]}}));
    latent = noised["latent"];
    Compare("start", *latent.AsTensor(), Golden("start").span<float>());
    const auto first = Step::From(*times["first"].AsRecord()).index;
    if (first != row_["first"].get<int64_t>()) return absl::StrCat("begins at ", first);
  } else {
    WEFT_ASSIGN_OR_RETURN(Values scaled, RunNode(ScaleNoiseNode(), {{"scheduler", scheduler},
                                                                    {"noise", Value(noise)},
                                                                    {"first", times["first"]}}));
    latent = scaled["latent"];
    Compare("init_noise_sigma", *latent.AsTensor(),
            Noise(*std::make_unique<Rng>(row_["seed"].get<uint64_t>()), shape,
                  row_["init_noise_sigma"].get<double>())
                .span<float>());
  }

  Value state = times["state"];
  Value generator(std::shared_ptr<const Object>(std::make_shared<Generator>(rng)));
  int64_t position = 0;
  for (const Value& item : *times["steps"].AsList()) {
    const Step step = Step::From(*item.AsRecord());
    WEFT_ASSIGN_OR_RETURN(
        Values scaled,
        RunNode(ScaleInputNode(), {{"scheduler", scheduler}, {"latent", latent}, {"step", item}}));
    const Tensor input = *scaled["latent"].AsTensor();
    if (position == 0) Compare("scaled", input, Golden("scaled").span<float>());
    WEFT_ASSIGN_OR_RETURN(
        Values after,
        RunNode(SchedulerStepNode(), {{"scheduler", scheduler},
                                      {"noise", Value(Predict(input, position, step.timestep))},
                                      {"latent", latent},
                                      {"step", item},
                                      {"state", state},
                                      {"generator", generator}}));
    latent = after["latent"];
    state = after["state"];
    generator = after["generator"];
    CompareKept("latents", "kept", position, *latent.AsTensor());
    CompareKept("originals", "kept_originals", position, *after["original"].AsTensor());
    if (row_.contains("renoised")) {
      WEFT_ASSIGN_OR_RETURN(Values noised,
                            RunNode(AddNoiseNode(), {{"scheduler", scheduler},
                                                     {"latent", Value(clean)},
                                                     {"noise", Value(again)},
                                                     {"step", item.AsRecord()->at("next")}}));
      CompareKept("renoised", "kept_renoised", position, *noised["latent"].AsTensor());
    }
    ++position;
  }
  worst = std::max(worst, worst_);
  return wrong_;
}

class SchedulerGoldens : public testing::TestWithParam<std::string> {};

TEST_P(SchedulerGoldens, FollowTheTrajectoriesOfDiffusers) {
  const std::string stem = absl::StrCat(WEFT_SOURCE_DIR "/tests/goldens/schedulers/", GetParam());
  const absl::StatusOr<json> head = ReadJsonFile(stem + ".json");
  ASSERT_TRUE(head.ok()) << head.status();
  const auto store = WeightStore::Open(stem + ".safetensors.zst");
  ASSERT_TRUE(store.ok()) << store.status();
  double worst = 0.0;
  int wrong = 0;
  ASSERT_FALSE((*head)["cases"].empty());
  for (const json& row : (*head)["cases"]) {
    Case one((*head)["class"].get<std::string>(), row, **store);
    const absl::StatusOr<std::string> result = one.Run(*head, worst);
    if (result.ok() && result->empty()) continue;
    if (++wrong > 12) continue;
    ADD_FAILURE() << row["name"] << " " << row["config"] << " steps " << row["steps"]
                  << (row.contains("strength") ? " strength" : "") << ": "
                  << (result.ok() ? *result : std::string(result.status().message()));
  }
  EXPECT_EQ(wrong, 0) << "of " << (*head)["cases"].size() << " cases";
  RecordProperty("worst", absl::StrCat(worst));
  std::cout << (*head)["class"] << ": " << (*head)["cases"].size() << " cases, worst " << worst
            << " of the range\n";
}

INSTANTIATE_TEST_SUITE_P(Schedulers, SchedulerGoldens,
                         testing::Values("ddim", "ddim_inverse", "ddpm", "deis", "dpm_multistep",
                                         "dpm_sde", "dpm_singlestep", "edm_dpm_multistep",
                                         "edm_euler", "euler", "euler_ancestral", "heun", "ipndm",
                                         "kdpm2", "kdpm2_ancestral", "lcm", "lms", "pndm",
                                         "sasolver", "tcd", "unipc"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace weft
