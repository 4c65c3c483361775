#ifndef WEFT_RUNTIME_COMMAND_PICTURES_H_
#define WEFT_RUNTIME_COMMAND_PICTURES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/graph/type.h"
#include "runtime/graph/value.h"

namespace weft {

// The pictures in an output: of type image, a list of such, or bytes of a picture's shape where
// the type is not known. [h, w, c] each comes as [1, h, w, c] u8.
absl::StatusOr<std::vector<Tensor>> PicturesOf(const Type& type, const Value& value);

// Writes `pictures` to `path` (name_0.png, name_1.png … where there are several) as PNG with the
// graph's description inside. Gives the paths.
absl::StatusOr<std::vector<std::string>> WritePictures(const std::vector<Tensor>& pictures,
                                                       const std::string& path,
                                                       const std::string& description);

// How far two pictures are apart, in 255ths.
struct PictureDistance {
  double max = 0;
  double mean = 0;
  double changed = 0;  // share of pixels
};
// Both [1, h, w, c] u8. INVALID_ARGUMENT where the sizes differ.
absl::StatusOr<PictureDistance> Compare(const Tensor& expected, const Tensor& actual);

// Side by side: expected, actual, and their difference, eight times as strong.
absl::StatusOr<Tensor> DifferencePicture(const Tensor& expected, const Tensor& actual);

}  // namespace weft

#endif  // WEFT_RUNTIME_COMMAND_PICTURES_H_
