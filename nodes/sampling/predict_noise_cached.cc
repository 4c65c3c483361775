// As PredictNoise, with DeepCache (Ma et al. 2023): every so many steps
//   noise = outer(deep(inner(latent)), latent), and between them with deep(…) as it was then.

#include <utility>

#include "nodes/models/part_ops.h"
#include "nodes/sampling/predict_noise.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr In<int64_t> kInterval{.name = "cache_interval",
                                .doc =
                                    "DeepCache: the whole network runs every so many steps; "
                                    "between them its outermost layers do, with what the deep "
                                    "ones gave last. 1: the whole network always runs.",
                                .fallback = 1,
                                .min = 1,
                                .max = 1000};
constexpr In<int64_t> kBranch{.name = "cache_branch",
                              .doc =
                                  "The skip connection inside of which layers are deep: 0, the "
                                  "outermost, is fastest; SD 1.5 has 12.",
                              .fallback = 0,
                              .min = 0,
                              .max = 1000};
constexpr In<DeepFeatures> kCache{.name = "cache",
                                  .doc =
                                      "What the step before has kept, from a loop's carry that "
                                      "begins empty.",
                                  .optional = true};
constexpr Out<DeepFeatures> kKept{.name = "cache", .doc = "For the next step."};

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Denoiser> denoiser = ctx.Get(kAskedDenoiser);
  WEFT_ASSIGN_OR_RETURN(Denoiser::Question question, QuestionOf(ctx, *denoiser));
  DeepCache cache{.interval = ctx.Get(kInterval), .branch = ctx.Get(kBranch)};
  if (ctx.Has(kCache)) cache.kept = ctx.Take(kCache);
  question.cache = &cache;
  Ops ops = OpsFor(ctx, *denoiser);
  WEFT_ASSIGN_OR_RETURN(Tensor noise, denoiser->Predict(ops, question));
  ctx.Set(kAnsweredNoise, std::move(noise));
  ctx.Set(kKept, cache.kept.has_value() ? *std::move(cache.kept) : DeepFeatures());
  return absl::OkStatus();
}

}  // namespace

NodeType PredictNoiseCachedNode() {
  return {Contract{.type = "PredictNoiseCached",
                   .doc = "As PredictNoise, and with a cache_interval of more than 1 the deep part "
                          "of the network runs once in so many steps (DeepCache).",
                   .category = "sampling",
                   .inputs = {kAskedDenoiser, kAskedLatent, kAskedStep, kAskedChannels, kAskedScale,
                              kInterval, kBranch, kCache},
                   .outputs = {kAnsweredNoise, kKept}},
          Run};
}

}  // namespace weft
