// PNG with its texts, JPEG and WebP.

#include "nodes/image/codec.h"
#include "nodes/image/png_text.h"
#include "tests/fuzz/parsers.h"

namespace weft {
namespace {

bool ReadPicture(absl::string_view bytes) {
  const std::string copy(bytes);  // of its own size, so that a step past its end is noticed
  const bool header = ReadImageHeader(copy).ok();
  const auto image = DecodeImage(copy, Allocator(Device::kCpu));
  return header && image.ok();
}

bool ReadPng(absl::string_view bytes) {
  const std::string copy(bytes);
  (void)PngText(copy, kPngGraphKey).ok();
  return ReadPicture(bytes);
}

std::vector<std::string> Pictures(ImageFormat format) {
  std::vector<std::string> files;
  for (const int64_t channels : {3, 4}) {
    if (channels == 4 && format == ImageFormat::kJpeg) continue;
    auto image = Tensor::Allocate(Allocator(Device::kCpu), DType::kU8, Shape{1, 9, 13, channels});
    if (!image.ok()) continue;
    for (int64_t i = 0; i < image->numel(); ++i) {
      image->mutable_data<uint8_t>()[i] = static_cast<uint8_t>(i * i * 7 + i);
    }
    for (const int quality : {80, 100}) {
      EncodeOptions options{.quality = quality};
      if (format == ImageFormat::kPng) {
        options.text_key = std::string(kPngGraphKey);
        options.text = R"({"weft": 1, "nodes": {}})";
      }
      const auto file = EncodeImage(*image, format, options);
      if (file.ok()) files.push_back(*file);
    }
  }
  return files;
}

std::vector<std::string> PngSeeds() { return Pictures(ImageFormat::kPng); }
std::vector<std::string> JpegSeeds() { return Pictures(ImageFormat::kJpeg); }
std::vector<std::string> WebpSeeds() { return Pictures(ImageFormat::kWebp); }

// A picture may take what its checked width and height say: once as it is decoded, and once more
// where it is turned or its channels are changed.
size_t ForPixels(absl::string_view bytes) {
  const auto header = ReadImageHeader(bytes);
  const size_t pixels =
      header.ok() ? static_cast<size_t>(header->width) * static_cast<size_t>(header->height) : 0;
  return ForValues(bytes) + pixels * 4 * 2;
}

}  // namespace

std::vector<Parser> PictureParsers() {
  return {{"png", ReadPng, PngSeeds, ForPixels},
          {"jpeg", ReadPicture, JpegSeeds, ForPixels},
          {"webp", ReadPicture, WebpSeeds, ForPixels}};
}

}  // namespace weft
