#ifndef WEFT_NODES_SAMPLING_GUIDANCE_MATH_H_
#define WEFT_NODES_SAMPLING_GUIDANCE_MATH_H_

#include <vector>

#include "absl/types/span.h"
#include "runtime/ops/ops.h"

namespace weft {

// All tensors are [b, c, h, w] f32. As in Ops the first error sticks to `ops`.

// unconditional + scale·(conditional - unconditional) (Ho and Salimans 2022).
Tensor Guide(Ops& ops, const Tensor& unconditional, const Tensor& conditional, double scale);

// What one entry of a conditioning answers, and how much that counts.
struct Answer {
  Tensor noise;
  double weight = 1.0;
  Tensor area;  // [1, h, w, 1] f32 in 0..1, or empty: everywhere
};

// base + scale·Σ weight·area·(noise - base) (Liu et al. 2022). An answer whose area does not reach
// a place has no say there.
Tensor GuideByAll(Ops& ops, const Tensor& base, absl::Span<const Answer> answers, double scale);

// Σ weight·area·noise / Σ weight·area; where that sum is nought, all areas count as everywhere.
// The weights must add up to something else than nought. One answer alone is given back as it is.
Tensor MeanOf(Ops& ops, absl::Span<const Answer> answers);

// The areas of the answers at the size of their noise, scaled down where they add up to more
// than 1.
void FitAreas(Ops& ops, std::vector<Answer>& answers);

// `guided` with the contrast of `conditional`, as far as `rescale` (0..1) says, for each picture
//   rescale·guided·std(conditional)/std(guided) + (1 - rescale)·guided
// (Lin et al. 2024, "Common diffusion noise schedules …", equations 15 and 16; diffusers'
// rescale_noise_cfg).
Tensor RescaleGuided(Ops& ops, const Tensor& guided, const Tensor& conditional, double rescale);

// image_guided + (image_scale - 1)·(image - unconditional): what guidance by a picture adds to
// guidance by a text that began at `image` (Brooks et al. 2023, InstructPix2Pix, equation 3).
Tensor AddImageGuidance(Ops& ops, const Tensor& guided, const Tensor& image,
                        const Tensor& unconditional, double image_scale);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_GUIDANCE_MATH_H_
