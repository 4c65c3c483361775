#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/sampling/generator.h"
#include "tests/nodes/sampling/denoisers.h"

namespace weft {

NodeType GuidanceNode();
NodeType MergeTokensNode();

namespace {

class MergeTokensTest : public ::testing::Test {
 protected:
  static Value Seeded(uint64_t seed) { return Wire(std::make_shared<Generator>(Rng(seed))); }

  absl::StatusOr<Tensor> Ask(const Value& denoiser) {
    const auto outputs = RunNode(
        PredictNoiseNode(),
        {{"denoiser", denoiser}, {"latent", Value(Noise({1, 4, 8, 8}, 3))}, {"step", StepAt(400)}});
    if (!outputs.ok()) return outputs.status();
    return *outputs->at("noise").AsTensor();
  }
  Tensor Merged(Values options) {
    options["denoiser"] = denoiser_;
    return Ask(RunNode(MergeTokensNode(), options).value().at("denoiser")).value();
  }

  // unet_sd2 looks at texts 20 wide.
  const Value denoiser_ = RunNode(GuidanceNode(), {{"unet", Wire(LoadUnet("unet_sd2"))},
                                                   {"positive", Says(Noise({1, 7, 20}, 1))},
                                                   {"negative", Says(Noise({1, 7, 20}, 2))}})
                              .value()
                              .at("denoiser");
};

TEST_F(MergeTokensTest, IsTheSameDenoiserAtARatioOfZero) {
  const auto outputs =
      RunNode(MergeTokensNode(), {{"denoiser", denoiser_}, {"ratio", Value(0.0)}}).value();
  EXPECT_EQ(outputs.at("denoiser").SharedObject(), denoiser_.SharedObject());
}

TEST_F(MergeTokensTest, ChangesTheAnswerTheMoreTokensAreMerged) {
  const Tensor plain = Ask(denoiser_).value();
  const double few = Distance(Merged({{"ratio", Value(0.1)}}), plain);
  const double many = Distance(Merged({{"ratio", Value(0.75)}}), plain);
  EXPECT_GT(few, 1e-4);
  EXPECT_GT(many, few);
  EXPECT_NE(Distance(Merged({{"ratio", Value(0.5)}, {"max_downsample", Value(int64_t{2})}}),
                     Merged({{"ratio", Value(0.5)}})),
            0);
}

TEST_F(MergeTokensTest, DrawsItsDestinationsFromAGenerator) {
  const Tensor first = Merged({{"generator", Seeded(1)}});
  EXPECT_EQ(Distance(Merged({{"generator", Seeded(1)}}), first), 0);
  EXPECT_GT(Distance(Merged({{"generator", Seeded(2)}}), first), 0);
  EXPECT_GT(Distance(Merged({}), first), 0);
  const auto outputs =
      RunNode(MergeTokensNode(), {{"denoiser", denoiser_}, {"generator", Seeded(1)}}).value();
  const auto after =
      std::static_pointer_cast<const Generator>(outputs.at("generator").SharedObject());
  Rng drawn(1);
  drawn.Next();
  EXPECT_EQ(after->rng(), drawn);
}

}  // namespace
}  // namespace weft
