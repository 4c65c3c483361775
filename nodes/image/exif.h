#ifndef WEFT_NODES_IMAGE_EXIF_H_
#define WEFT_NODES_IMAGE_EXIF_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// The orientation (1..8) that a camera noted in an EXIF block ("Exif\0\0" and a TIFF header); 1,
// upright, where there is none or it is malformed.
int ExifOrientation(absl::string_view block);
// Whether pictures of this orientation are stored with width and height exchanged.
inline bool SwapsSides(int orientation) { return orientation >= 5; }
// image [1, h, w, c] u8, turned and mirrored so that it stands upright.
absl::StatusOr<Tensor> Upright(const Tensor& image, int orientation, const Allocator& allocator);

}  // namespace weft

#endif  // WEFT_NODES_IMAGE_EXIF_H_
