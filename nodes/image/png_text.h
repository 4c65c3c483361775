#ifndef WEFT_NODES_IMAGE_PNG_TEXT_H_
#define WEFT_NODES_IMAGE_PNG_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace weft {

// The key under which a PNG that weft saved carries its graph.
inline constexpr absl::string_view kPngGraphKey = "weft";

// The text that a PNG carries under `key` in a tEXt, zTXt or iTXt chunk, wherever it stands.
// Pixels are not decoded. NOT_FOUND if there is none.
absl::StatusOr<std::string> PngText(absl::string_view bytes, absl::string_view key);
// The same from a file, whose path leads the error.
absl::StatusOr<std::string> ReadPngText(const std::string& path, absl::string_view key);

}  // namespace weft

#endif  // WEFT_NODES_IMAGE_PNG_TEXT_H_
