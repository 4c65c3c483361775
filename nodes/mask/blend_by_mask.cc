#include <algorithm>
#include <cmath>
#include <type_traits>

#include "nodes/image/pixels.h"
#include "nodes/mask/mask_math.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// How the two tensors and the mask are walked: a mask value holds for `run` neighbours, and
// `planes` such walks over the mask make up a batch entry.
struct Walk {
  int64_t batch, planes, positions, run;
};

template <typename T>
void Blend(const Tensor& background, const Tensor& foreground, const Tensor& mask, const Walk& walk,
           Tensor& blended) {
  const int64_t entry = walk.planes * walk.positions * walk.run;
  const auto offset = [](const Tensor& t, int64_t b, int64_t size) {
    return t.dim(0) == 1 ? int64_t{0} : b * size;
  };
  T* to = blended.mutable_data<T>();
  for (int64_t b = 0; b < walk.batch; ++b) {
    const T* back = background.data<T>() + offset(background, b, entry);
    const T* fore = foreground.data<T>() + offset(foreground, b, entry);
    const float* weights = mask.data<float>() + offset(mask, b, walk.positions);
    for (int64_t plane = 0; plane < walk.planes; ++plane) {
      for (int64_t i = 0; i < walk.positions; ++i) {
        const float m = weights[i];
        for (int64_t k = 0; k < walk.run; ++k, ++back, ++fore, ++to) {
          if (!(m > 0.0f)) {
            *to = *back;  // whatever the other one holds there
          } else if (m >= 1.0f) {
            *to = *fore;
          } else {
            const float x = static_cast<float>(*back) * (1.0f - m) + static_cast<float>(*fore) * m;
            *to = static_cast<T>(std::is_same_v<T, uint8_t> ? std::nearbyint(x) : x);
          }
        }
      }
    }
  }
}

absl::Status CheckBatch(absl::string_view name, const Tensor& tensor, int64_t batch) {
  if (tensor.dim(0) == 1 || tensor.dim(0) == batch) return absl::OkStatus();
  return Invalid("the ", name, " is a batch of ", tensor.dim(0), ", which does not go with ",
                 batch);
}

}  // namespace

Layout GuessLayout(const Tensor& tensor, const Tensor& mask) {
  if (tensor.dtype() == DType::kU8) return Layout::kImage;
  if (tensor.rank() != 4) return Layout::kLatent;
  const int64_t last = tensor.dim(3);
  if (last != 1 && last != 3 && last != 4) return Layout::kLatent;
  const auto fits = [&mask](int64_t height, int64_t width) {
    return mask.rank() == 4 && height * mask.dim(2) == width * mask.dim(1);
  };
  const bool as_image = fits(tensor.dim(1), tensor.dim(2));
  const bool as_latent = fits(tensor.dim(2), tensor.dim(3));
  return as_latent && (!as_image || tensor.dim(1) <= 4) ? Layout::kLatent : Layout::kImage;
}

absl::StatusOr<Tensor> BlendByMask(const Tensor& background, const Tensor& foreground,
                                   const Tensor& mask, Layout layout, MaskResize method,
                                   const Allocator& allocator) {
  WEFT_RETURN_IF_ERROR(CheckMask(mask));
  const auto describe = [](const Tensor& t) {
    return absl::StrCat(t.shape().ToString(), " ", Name(t.dtype()));
  };
  if (background.rank() != 4 || foreground.rank() != 4 ||
      background.shape().inner(1) != foreground.shape().inner(1) ||
      background.dim(1) != foreground.dim(1) || background.dim(2) != foreground.dim(2)) {
    return Invalid("background and foreground must be alike, but are ", describe(background),
                   " and ", describe(foreground));
  }
  if (layout == Layout::kAuto) layout = GuessLayout(background, mask);
  const bool image = layout == Layout::kImage;
  for (const Tensor* tensor : {&background, &foreground}) {
    if (image) {
      WEFT_RETURN_IF_ERROR(CheckImage(*tensor));
    } else if (tensor->dtype() != DType::kF32 || tensor->numel() == 0) {
      return Invalid("expects [b, c, h, w] f32, but gets ", describe(*tensor));
    }
  }
  const int64_t height = background.dim(image ? 1 : 2), width = background.dim(image ? 2 : 3);
  const int64_t batch = std::max({background.dim(0), foreground.dim(0), mask.dim(0)});
  WEFT_RETURN_IF_ERROR(CheckBatch("background", background, batch));
  WEFT_RETURN_IF_ERROR(CheckBatch("foreground", foreground, batch));
  WEFT_RETURN_IF_ERROR(CheckBatch("mask", mask, batch));
  WEFT_ASSIGN_OR_RETURN(const Tensor sized, ResizeMask(mask, height, width, method, allocator));
  Tensor back = background, fore = foreground;
  if (back.dtype() != fore.dtype()) {
    WEFT_ASSIGN_OR_RETURN(back, ToUnitF32(back, allocator));
    WEFT_ASSIGN_OR_RETURN(fore, ToUnitF32(fore, allocator));
  }
  WEFT_ASSIGN_OR_RETURN(Tensor blended,
                        Tensor::Allocate(allocator, back.dtype(),
                                         Shape{batch, back.dim(1), back.dim(2), back.dim(3)}));
  if (blended.is_meta() || back.is_meta() || fore.is_meta() || sized.is_meta()) return blended;
  const Walk walk{.batch = batch,
                  .planes = image ? 1 : back.dim(1),
                  .positions = height * width,
                  .run = image ? back.dim(3) : 1};
  if (back.dtype() == DType::kU8) {
    Blend<uint8_t>(back, fore, sized, walk, blended);
  } else {
    Blend<float>(back, fore, sized, walk, blended);
  }
  return blended;
}

}  // namespace weft
