// A denoiser whose networks merge tokens that are alike before self-attention, and give each its
// result after (Bolya and Hoffman 2023, "Token merging for fast stable diffusion").

#include <utility>

#include "nodes/sampling/denoiser.h"
#include "nodes/sampling/generator.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Denoiser> kDenoiser{.name = "denoiser", .doc = "From Guidance."};
constexpr In<double> kRatio{.name = "ratio",
                            .doc =
                                "The share of the tokens that is merged away; 0: none. One of each "
                                "2×2 always stays.",
                            .fallback = 0.5,
                            .min = 0,
                            .max = 0.75};
constexpr In<int64_t> kDownsample{.name = "max_downsample",
                                  .doc =
                                      "Tokens are merged where the network's picture is smaller "
                                      "than the latent by no more than this: 1, the largest "
                                      "pictures, to 8.",
                                  .fallback = 1,
                                  .min = 1,
                                  .max = 8};
constexpr In<Generator> kGenerator{.name = "generator",
                                   .doc =
                                       "Draws which one of each 2×2 others may be merged into, "
                                       "anew in every attention and step; without it, the first.",
                                   .optional = true};
constexpr Out<Denoiser> kMerging{.name = "denoiser", .doc = "For PredictNoise."};
constexpr Out<Generator> kNextGenerator{.name = "generator", .doc = "After the draw."};

class MergingDenoiser : public Denoiser {
 public:
  MergingDenoiser(std::shared_ptr<const Denoiser> inner, TokenMerging merging)
      : inner_(std::move(inner)), merging_(merging) {}

  absl::StatusOr<Tensor> Predict(Ops& ops, const Question& question) const override {
    Question merged = question;
    merged.merging = merging_;
    return inner_->Predict(ops, merged);
  }
  int64_t in_channels() const override { return inner_->in_channels(); }
  int64_t out_channels() const override { return inner_->out_channels(); }
  DType ComputeOr(DType of_the_run) const override { return inner_->ComputeOr(of_the_run); }

 private:
  std::shared_ptr<const Denoiser> inner_;
  TokenMerging merging_;
};

absl::Status Run(NodeContext& ctx) {
  TokenMerging merging{.ratio = ctx.Get(kRatio), .max_downsample = ctx.Get(kDownsample)};
  if (ctx.Has(kGenerator)) {
    Rng rng = ctx.Get(kGenerator)->rng();
    merging.seed = rng.Next();
    ctx.Set(kNextGenerator, std::make_shared<Generator>(rng));
  }
  std::shared_ptr<const Denoiser> denoiser = ctx.Get(kDenoiser);
  if (merging.ratio > 0) {
    denoiser = std::make_shared<const MergingDenoiser>(std::move(denoiser), merging);
  }
  ctx.Set(kMerging, std::move(denoiser));
  return absl::OkStatus();
}

}  // namespace

NodeType MergeTokensNode() {
  return {Contract{.type = "MergeTokens",
                   .doc = "A denoiser that computes self-attention with fewer tokens: those that "
                          "are alike are merged before and told apart after.",
                   .category = "sampling",
                   .inputs = {kDenoiser, kRatio, kDownsample, kGenerator},
                   .outputs = {kMerging, kNextGenerator}},
          Run};
}

}  // namespace weft
