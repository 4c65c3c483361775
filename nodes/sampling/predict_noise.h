#ifndef WEFT_NODES_SAMPLING_PREDICT_NOISE_H_
#define WEFT_NODES_SAMPLING_PREDICT_NOISE_H_

#include "nodes/latent/latent.h"
#include "nodes/sampling/denoiser.h"
#include "nodes/sampling/step.h"
#include "runtime/graph/node.h"

namespace weft {

// The ports of the nodes that ask a denoiser.
inline constexpr In<Denoiser> kAskedDenoiser{.name = "denoiser", .doc = "From Guidance."};
inline constexpr In<Latent> kAskedLatent{.name = "latent", .doc = "Noisy, scaled by ScaleInput."};
inline constexpr In<Step> kAskedStep{.name = "step", .doc = "Where in the schedule it is."};
inline constexpr In<Latent> kAskedChannels{
    .name = "channels",
    .doc =
        "More channels beside the latent's, unscaled: mask and "
        "masked picture of an inpainting network.",
    .optional = true};
inline constexpr In<double> kAskedScale{
    .name = "guidance_scale",
    .doc = "For this step alone, in place of the scale in the denoiser.",
    .min = 0,
    .max = 1000,
    .optional = true};
inline constexpr Out<Latent> kAnsweredNoise{
    .name = "noise",
    .doc =
        "The network's answer: noise, velocity or sample, as the "
        "scheduler's prediction_type says."};

// What these ports ask, checked against the denoiser.
absl::StatusOr<Denoiser::Question> QuestionOf(NodeContext& ctx, const Denoiser& denoiser);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_PREDICT_NOISE_H_
