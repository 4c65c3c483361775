#ifndef WEFT_NODES_MASK_MASK_MATH_H_
#define WEFT_NODES_MASK_MASK_MATH_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/tensor/tensor.h"

// Masks are [b, h, w, 1] f32 in 0..1. All functions work without memory on kMeta.
namespace weft {

enum class MaskResize : uint8_t {
  kNearest,   // torch.nn.functional.interpolate's default, as diffusers sizes masks for latents
  kArea,      // adaptive average pooling: the share of the cell that is painted
  kBilinear,  // torch's, align_corners = False
};
// "nearest", "area", "bilinear".
absl::Span<const absl::string_view> MaskResizeNames();
MaskResize MaskResizeFromName(absl::string_view name);  // one of the names above

absl::StatusOr<Tensor> ResizeMask(const Tensor& mask, int64_t height, int64_t width,
                                  MaskResize method, const Allocator& allocator);

// 1 - m.
absl::StatusOr<Tensor> InvertMask(const Tensor& mask, const Allocator& allocator);
// The largest value within a square of `pixels` to each side; the smallest where it is negative.
// As scipy.ndimage.grey_dilation / grey_erosion of size 2·|pixels| + 1, edges repeated.
absl::StatusOr<Tensor> GrowMask(const Tensor& mask, int64_t pixels, const Allocator& allocator);
// Gauss of deviation `sigma`, cut at 4·sigma, edges repeated: scipy.ndimage.gaussian_filter with
// mode="nearest".
absl::StatusOr<Tensor> BlurMask(const Tensor& mask, double sigma, const Allocator& allocator);

// Where `image` [b, h, w, c] is above `threshold`: channel 0..c-1, or the ITU-R 601 luma
// of all where channel is -1. With threshold < 0 the value itself.
absl::StatusOr<Tensor> MaskFromImage(const Tensor& image, int64_t channel, double threshold,
                                     const Allocator& allocator);

enum class Layout : uint8_t { kAuto, kLatent, kImage };
// Whether a tensor of this shape and type is [b, h, w, c] (a picture) or [b, c, h, w], going by
// its channels and, where both are possible, by the mask's proportions.
Layout GuessLayout(const Tensor& tensor, const Tensor& mask);

// background · (1 - mask) + foreground · mask; exactly the one or the other where the mask is 0
// or 1. Both alike, [b, c, h, w] f32 or [b, h, w, c]; u8 and f32 pictures blend to f32, two u8
// pictures to u8. A batch of one goes with any batch.
absl::StatusOr<Tensor> BlendByMask(const Tensor& background, const Tensor& foreground,
                                   const Tensor& mask, Layout layout, MaskResize method,
                                   const Allocator& allocator);

}  // namespace weft

#endif  // WEFT_NODES_MASK_MASK_MATH_H_
