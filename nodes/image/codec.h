#ifndef WEFT_NODES_IMAGE_CODEC_H_
#define WEFT_NODES_IMAGE_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/tensor/tensor.h"

namespace weft {

enum class ImageFormat : uint8_t { kPng, kJpeg, kWebp };

absl::string_view Name(ImageFormat format);  // "PNG"
// By the path's extension, in any case; an error lists those that are known.
absl::StatusOr<ImageFormat> ImageFormatOf(absl::string_view path);

// What a picture's header says. Width and height are as it is looked at (after EXIF's turn).
struct ImageHeader {
  ImageFormat format = ImageFormat::kPng;
  int64_t width = 0;
  int64_t height = 0;
  bool alpha = false;
};

// Larger pictures are refused before memory is taken for them.
inline constexpr int64_t kLargestImageSide = int64_t{1} << 14;
inline constexpr int64_t kLargestImageBytes = int64_t{1} << 28;  // decoded, four channels

// `bytes` is a whole PNG, JPEG or WebP file, known by its first bytes. Errors say what is wrong
// with it and leave the path to the caller.
absl::StatusOr<ImageHeader> ReadImageHeader(absl::string_view bytes);
// [1, h, w, 3] u8, or [1, h, w, 4] where the picture has transparency. Grey and palette colours
// become RGB; of 16 bits the upper 8 are kept; colour profiles and gamma are ignored, as PIL does.
absl::StatusOr<Tensor> DecodeImage(absl::string_view bytes, const Allocator& allocator);
// The same from a file, whose path leads the error.
absl::StatusOr<ImageHeader> ReadImageFileHeader(const std::string& path);
absl::StatusOr<Tensor> DecodeImageFile(const std::string& path, const Allocator& allocator);

struct EncodeOptions {
  int quality = 95;      // of JPEG and WebP, 1..100; 100 makes WebP lossless
  std::string text_key;  // PNG: a text to carry along, if not empty
  std::string text;
};
// `image` is [1, h, w, c] u8, c = 1, 3 or 4 (JPEG: 1 or 3).
absl::StatusOr<std::string> EncodeImage(const Tensor& image, ImageFormat format,
                                        const EncodeOptions& options = {});

// One per format; used through the functions above.
absl::StatusOr<ImageHeader> ReadPngHeader(absl::string_view bytes);
absl::StatusOr<Tensor> DecodePng(absl::string_view bytes, const Allocator& allocator);
absl::StatusOr<std::string> EncodePng(const Tensor& image, const EncodeOptions& options);
absl::StatusOr<ImageHeader> ReadJpegHeader(absl::string_view bytes);
absl::StatusOr<Tensor> DecodeJpeg(absl::string_view bytes, const Allocator& allocator);
absl::StatusOr<std::string> EncodeJpeg(const Tensor& image, const EncodeOptions& options);
absl::StatusOr<ImageHeader> ReadWebpHeader(absl::string_view bytes);
absl::StatusOr<Tensor> DecodeWebp(absl::string_view bytes, const Allocator& allocator);
absl::StatusOr<std::string> EncodeWebp(const Tensor& image, const EncodeOptions& options);

// Checks a picture's size against the limits above.
absl::Status CheckImageSize(int64_t width, int64_t height);

}  // namespace weft

#endif  // WEFT_NODES_IMAGE_CODEC_H_
