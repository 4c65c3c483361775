#include "nodes/image/exif.h"

#include <cstdint>
#include <cstring>

#include "absl/strings/match.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr absl::string_view kExif("Exif\0\0", 6);
constexpr uint32_t kOrientationTag = 0x0112;

// Numbers of a TIFF block, which says its byte order itself. 0 beyond its end.
struct Tiff {
  absl::string_view bytes;
  bool big_endian;

  uint32_t Number(size_t at, size_t size) const {
    if (at > bytes.size() || size > bytes.size() - at) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t from = big_endian ? at + i : at + size - 1 - i;
      value = value << 8 | static_cast<unsigned char>(bytes[from]);
    }
    return value;
  }
};

}  // namespace

int ExifOrientation(absl::string_view block) {
  if (!absl::StartsWith(block, kExif) || block.size() < kExif.size() + 8) return 1;
  Tiff tiff{block.substr(kExif.size()), false};
  tiff.big_endian = absl::StartsWith(tiff.bytes, "MM");
  if (!tiff.big_endian && !absl::StartsWith(tiff.bytes, "II")) return 1;
  const size_t directory = tiff.Number(4, 4);
  const size_t count = tiff.Number(directory, 2);
  for (size_t i = 0; i < count; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.bytes.size()) break;
    if (tiff.Number(entry, 2) != kOrientationTag) continue;
    const uint32_t orientation = tiff.Number(entry + 8, 2);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
}

absl::StatusOr<Tensor> Upright(const Tensor& image, int orientation, const Allocator& allocator) {
  if (orientation <= 1 || orientation > 8) return image;
  const int64_t stored_height = image.dim(1), stored_width = image.dim(2), channels = image.dim(3);
  const bool swap = SwapsSides(orientation);
  const int64_t height = swap ? stored_width : stored_height;
  const int64_t width = swap ? stored_height : stored_width;
  // Where the upright picture's first row and column lie in the stored one: 1 top left, 2 top
  // right, 3 bottom right, 4 bottom left; 5 to 8 the same, transposed.
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  WEFT_ASSIGN_OR_RETURN(Tensor upright,
                        Tensor::Allocate(allocator, DType::kU8, Shape{1, height, width, channels}));
  const uint8_t* from = image.data<uint8_t>();
  uint8_t* to = upright.mutable_data<uint8_t>();
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x, to += channels) {
      int64_t stored_x = swap ? y : x;
      int64_t stored_y = swap ? x : y;
      if (flip_x) stored_x = stored_width - 1 - stored_x;
      if (flip_y) stored_y = stored_height - 1 - stored_y;
      std::memcpy(to, from + (stored_y * stored_width + stored_x) * channels,
                  static_cast<size_t>(channels));
    }
  }
  return upright;
}

}  // namespace weft
