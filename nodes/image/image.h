#ifndef WEFT_NODES_IMAGE_IMAGE_H_
#define WEFT_NODES_IMAGE_IMAGE_H_

#include "runtime/graph/port.h"

namespace weft {

// Pictures: [b, h, w, c], c = 1, 3 or 4; u8, or f32 in 0..1.
struct Image : TensorPort {
  static constexpr absl::string_view kTypeName = "image";
};

// What to paint: [b, h, w, 1] f32 in 0..1; 1 (white) is painted, 0 is kept.
struct Mask : TensorPort {
  static constexpr absl::string_view kTypeName = "mask";
};

// Any numbers, as they lie in a file.
struct AnyTensor : TensorPort {
  static constexpr absl::string_view kTypeName = "tensor";
};

}  // namespace weft

#endif  // WEFT_NODES_IMAGE_IMAGE_H_
