#include <webp/decode.h>
#include <webp/encode.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nodes/image/codec.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

absl::StatusOr<WebPBitstreamFeatures> FeaturesOf(absl::string_view bytes) {
  WebPBitstreamFeatures features = {};
  const VP8StatusCode code =
      WebPGetFeatures(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), &features);
  if (code == VP8_STATUS_NOT_ENOUGH_DATA) {
    return Invalid("is a WebP that cannot be read: the file is truncated");
  }
  if (code != VP8_STATUS_OK) {
    return Invalid("is a WebP that cannot be read: its header is corrupt");
  }
  if (features.has_animation != 0) return Invalid("is an animated WebP; only still ones are read");
  return features;
}

}  // namespace

absl::StatusOr<ImageHeader> ReadWebpHeader(absl::string_view bytes) {
  WEFT_ASSIGN_OR_RETURN(const WebPBitstreamFeatures features, FeaturesOf(bytes));
  return ImageHeader{.format = ImageFormat::kWebp,
                     .width = features.width,
                     .height = features.height,
                     .alpha = features.has_alpha != 0};
}

absl::StatusOr<Tensor> DecodeWebp(absl::string_view bytes, const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(const ImageHeader header, ReadWebpHeader(bytes));
  WEFT_RETURN_IF_ERROR(CheckImageSize(header.width, header.height));
  const int64_t channels = header.alpha ? 4 : 3;
  WEFT_ASSIGN_OR_RETURN(
      Tensor image,
      Tensor::Allocate(allocator, DType::kU8, Shape{1, header.height, header.width, channels}));
  const auto decode = header.alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
             image.mutable_data<uint8_t>(), image.bytes(),
             static_cast<int>(header.width * channels)) == nullptr) {
    return Invalid("is a WebP that cannot be read: its data is truncated or corrupt");
  }
  return image;
}

absl::StatusOr<std::string> EncodeWebp(const Tensor& image, const EncodeOptions& options) {
  const int width = static_cast<int>(image.dim(2)), height = static_cast<int>(image.dim(1));
  if (width > WEBP_MAX_DIMENSION || height > WEBP_MAX_DIMENSION) {
    return Invalid("a WebP has at most ", WEBP_MAX_DIMENSION, " pixels on a side, not ", width,
                   " × ", height);
  }
  // WebP knows no grey pictures.
  const uint8_t* pixels = image.data<uint8_t>();
  std::vector<uint8_t> colours;
  if (image.dim(3) == 1) {
    for (const uint8_t grey : image.span<uint8_t>()) colours.insert(colours.end(), 3, grey);
    pixels = colours.data();
  }
  const bool alpha = image.dim(3) == 4;
  const int stride = width * (alpha ? 4 : 3);
  const float quality = static_cast<float>(options.quality);
  const bool lossless = options.quality >= 100;
  uint8_t* bytes = nullptr;
  const size_t size = lossless
                          ? (alpha ? WebPEncodeLosslessRGBA(pixels, width, height, stride, &bytes)
                                   : WebPEncodeLosslessRGB(pixels, width, height, stride, &bytes))
                          : (alpha ? WebPEncodeRGBA(pixels, width, height, stride, quality, &bytes)
                                   : WebPEncodeRGB(pixels, width, height, stride, quality, &bytes));
  const std::unique_ptr<uint8_t, void (*)(void*)> owner(bytes, WebPFree);
  if (size == 0) return absl::InternalError("cannot encode a WebP");
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace weft
