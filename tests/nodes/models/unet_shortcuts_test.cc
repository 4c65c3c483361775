// DeepCache and token merging against tests/parity/fewer_goldens.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/models/parts.h"
#include "tests/nodes/models/golden.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<WeightStore> Goldens() {
  return WeightStore::Open(std::string(WEFT_SOURCE_DIR) + "/tests/goldens/fewer/fewer.safetensors")
      .value();
}

class ShortcutsGolden : public ::testing::TestWithParam<std::tuple<std::string, DType>> {
 protected:
  std::string name() const { return std::get<0>(GetParam()); }
  DType compute() const { return std::get<1>(GetParam()); }
  Tensor Golden(const std::string& what) const {
    const Weight* weight = goldens_->Find(name() + "." + what);
    if (weight == nullptr) ADD_FAILURE() << "the golden has no tensor " << what;
    return weight != nullptr ? weight->Read().value() : Tensor();
  }

  // The answer for a picture, told what the network's own golden is told.
  Tensor Answer(Ops& ops, const Tensor& picture, double timestep, const UnetShortcuts& shortcuts) {
    const UnetNetwork& network = unet_->network();
    UnetCondition condition{.context = network.EmptyContext()};
    network.AddSegment(ops, given_.Get("encoder_hidden_states.0"), condition.context);
    if (network.config().size_width > 0) {
      const Tensor sizes = given_.Get("time_ids.0");  // the same in each row
      const std::vector<double> row(sizes.data<float>(), sizes.data<float>() + sizes.dim(1));
      condition.added = network.EmbedSizes(ops, given_.Get("text_embeds.0"), row);
    }
    const Tensor pictures[] = {picture};
    const auto noise = ops.Finish(network(ops, pictures, timestep, condition, shortcuts));
    EXPECT_TRUE(noise.ok()) << noise.status();
    return noise.ok() ? *noise : Tensor();
  }
  Tensor First(Ops& ops, const UnetShortcuts& shortcuts = {}) {
    return Answer(ops, given_.Get("sample.0"), given_.Get("timestep.0").data<float>()[0],
                  shortcuts);
  }
  Tensor Later(Ops& ops, const UnetShortcuts& shortcuts = {}) {
    return Answer(ops, Golden("later"), Golden("later_timestep").data<float>()[0], shortcuts);
  }

  const GoldenTensors given_{name()};
  const std::shared_ptr<WeightStore> goldens_ = Goldens();
  const std::shared_ptr<const Unet> unet_ = Unet::Load(GoldenFolder(name()) + "/unet").value();
};

TEST_P(ShortcutsGolden, RunsTheOuterPartWithTheDeepFeaturesOfAnEarlierStep) {
  const auto last = unet_->network().skips() - 1;
  for (const int64_t branch : {int64_t{0}, int64_t{1}, int64_t{2}, last}) {
    Ops ops = CpuOps(compute());
    UnetCut cut{.skips = static_cast<size_t>(branch) + 1};
    const Tensor whole = First(ops, {.cut = &cut});
    EXPECT_EQ(Distance(whole, First(ops)), 0) << "keeping features changes nothing";
    ASSERT_FALSE(cut.features.empty());
    cut.reused = true;
    const Tensor later = Later(ops, {.cut = &cut});
    const Tensor wanted = Golden(absl::StrCat("deep.", branch));
    if (compute() == DType::kF32) {
      ExpectParity(absl::StrCat("branch ", branch), later, wanted, compute());
    } else {  // rounded in two runs of the network
      EXPECT_GE(Cosine(later, wanted), 0.998) << "branch " << branch;
    }
  }
}

TEST_P(ShortcutsGolden, GivesTheWholeNetworksAnswerWithItsOwnFeatures) {
  for (int64_t skips = 1; skips <= unet_->network().skips(); ++skips) {
    Ops ops = CpuOps(compute());
    UnetCut cut{.skips = static_cast<size_t>(skips)};
    const Tensor whole = First(ops, {.cut = &cut});
    cut.reused = true;
    EXPECT_EQ(Distance(First(ops, {.cut = &cut}), whole), 0) << skips << " skip connections";
  }
}

TEST_P(ShortcutsGolden, MergesTokensAsTheReferenceDoes) {
  if (compute() != DType::kF32) {
    GTEST_SKIP() << "bf16 rounds the likeness of tokens, so that others are merged";
  }
  Ops ops = CpuOps();
  ExpectParity("every level", First(ops, {.merging = {.ratio = 0.5, .max_downsample = 8}}),
               Golden("merged"), compute());
  ExpectParity("outermost", First(ops, {.merging = {.ratio = 0.5}}), Golden("merged_outermost"),
               compute());
}

TEST_P(ShortcutsGolden, HasInADryRunTheShapesOfTheRun) {
  Ops ops = MetaOps(compute());
  UnetCut cut{.skips = 2};
  const UnetShortcuts shortcuts{.merging = {.ratio = 0.5, .max_downsample = 8}, .cut = &cut};
  EXPECT_TRUE(First(ops, shortcuts).is_meta());
  EXPECT_TRUE(cut.features.is_meta());
  cut.reused = true;
  const Tensor later = Later(ops, shortcuts);
  EXPECT_TRUE(later.is_meta());
  EXPECT_EQ(later.shape(), Golden("later").shape());
}

TEST_P(ShortcutsGolden, GivesTheSameBitsForAnyNumberOfThreads) {
  const auto both = [&] {
    Ops ops = CpuOps(compute());
    UnetCut cut{.skips = 2};
    const UnetShortcuts shortcuts{.merging = {.ratio = 0.5, .max_downsample = 8, .seed = 3},
                                  .cut = &cut};
    First(ops, shortcuts);
    cut.reused = true;
    return Later(ops, shortcuts);
  };
  SetThreads(1);
  const Tensor wanted = both();
  for (const int threads : {2, 3, 8}) {
    SetThreads(threads);
    EXPECT_EQ(Distance(both(), wanted), 0) << threads << " threads";
  }
  SetThreads(0);
}

INSTANTIATE_TEST_SUITE_P(Models, ShortcutsGolden,
                         ::testing::Combine(::testing::Values("unet_sd1", "unet_sd2", "unet_sdxl",
                                                              "unet_uneven"),
                                            ::testing::Values(DType::kF32, DType::kBF16)),
                         [](const auto& of) {
                           return std::get<0>(of.param) + "_" +
                                  std::string(Name(std::get<1>(of.param)));
                         });

TEST(UnetShortcuts, RefuseFeaturesOfAnotherNetworkOrLatent) {
  const auto unet = Unet::Load(GoldenFolder("unet_sd2") + "/unet").value();
  const UnetNetwork& network = unet->network();
  Ops ops = CpuOps();
  UnetCondition condition{.context = network.EmptyContext()};
  network.AddSegment(ops, MadeOf({1, 1, 20}, std::vector<float>(20, 0.5f)), condition.context);
  const Tensor pictures[] = {MadeOf({1, 4, 8, 8}, std::vector<float>(256, 0.25f))};
  UnetCut cut{
      .skips = 1, .features = MadeOf({1, 8, 4, 8}, std::vector<float>(256, 1.0f)), .reused = true};
  const auto noise = ops.Finish(network(ops, pictures, 10, condition, {.cut = &cut}));
  EXPECT_THAT(noise.status().message(),
              HasSubstr("the cache holds features [1, 8, 4, 8] f32, this step needs [1, 8, 8, "));
}

}  // namespace
}  // namespace weft
