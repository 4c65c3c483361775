#include "runtime/command/pictures.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "nodes/image/codec.h"
#include "nodes/image/pixels.h"
#include "nodes/image/png_text.h"
#include "nodes/io/numbered_path.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr int kDifferenceGain = 8;
constexpr int64_t kGap = 4;  // pixels between the three pictures

Allocator Memory() { return Allocator(Device::kCpu); }

bool LooksLikeAPicture(const Tensor& tensor) {
  return tensor.rank() == 4 && tensor.dtype() == DType::kU8 &&
         (tensor.dim(3) == 1 || tensor.dim(3) == 3 || tensor.dim(3) == 4);
}

// A pixel's channel as RGB: grey stands for all three; transparency is left out.
uint8_t Channel(const Tensor& picture, int64_t pixel, int64_t c) {
  const int64_t channels = picture.dim(3);
  return picture.data<uint8_t>()[pixel * channels + (channels == 1 ? 0 : c)];
}

}  // namespace

absl::StatusOr<std::vector<Tensor>> PicturesOf(const Type& type, const Value& value) {
  std::vector<Tensor> pictures;
  if (const List* list = value.AsList()) {
    for (const Value& item : *list) {
      WEFT_ASSIGN_OR_RETURN(const std::vector<Tensor> some, PicturesOf(Type{type.name}, item));
      pictures.insert(pictures.end(), some.begin(), some.end());
    }
    return pictures;
  }
  const Tensor* tensor = value.AsTensor();
  if (tensor == nullptr || tensor->empty()) return pictures;
  if (type.name != "image" && !(type.name == "any" && LooksLikeAPicture(*tensor))) return pictures;
  WEFT_RETURN_IF_ERROR(CheckImage(*tensor));
  WEFT_ASSIGN_OR_RETURN(const Tensor bytes, ToU8(*tensor, Memory()));
  for (int64_t i = 0; i < bytes.dim(0); ++i) {
    WEFT_ASSIGN_OR_RETURN(pictures.emplace_back(), bytes.Rows(i, i + 1));
  }
  return pictures;
}

absl::StatusOr<std::vector<std::string>> WritePictures(const std::vector<Tensor>& pictures,
                                                       const std::string& path,
                                                       const std::string& description) {
  EncodeOptions options;
  if (!description.empty()) {
    options.text_key = std::string(kPngGraphKey);
    options.text = description;
  }
  std::vector<std::string> paths;
  for (size_t i = 0; i < pictures.size(); ++i) {
    paths.push_back(pictures.size() == 1 ? path : NumberedPath(path, static_cast<int64_t>(i)));
    absl::StatusOr<std::string> png = EncodeImage(pictures[i], ImageFormat::kPng, options);
    if (!png.ok()) return Annotate(png.status(), absl::StrCat("\"", paths.back(), "\""));
    WEFT_RETURN_IF_ERROR(WriteFile(paths.back(), *png));
  }
  return paths;
}

absl::StatusOr<PictureDistance> Compare(const Tensor& expected, const Tensor& actual) {
  if (expected.shape() != actual.shape()) {
    return Invalid("is ", actual.dim(2), "×", actual.dim(1), " with ", actual.dim(3),
                   " channels, not ", expected.dim(2), "×", expected.dim(1), " with ",
                   expected.dim(3));
  }
  PictureDistance distance;
  const int64_t channels = expected.dim(3);
  int64_t changed = 0;
  for (int64_t i = 0; i < expected.numel(); i += channels) {
    bool differs = false;
    for (int64_t c = 0; c < channels; ++c) {
      const int delta =
          std::abs(int{expected.data<uint8_t>()[i + c]} - int{actual.data<uint8_t>()[i + c]});
      distance.max = std::max(distance.max, static_cast<double>(delta));
      distance.mean += delta;
      differs = differs || delta > 0;
    }
    changed += differs ? 1 : 0;
  }
  distance.mean /= static_cast<double>(expected.numel());
  distance.changed =
      static_cast<double>(changed * channels) / static_cast<double>(expected.numel());
  return distance;
}

absl::StatusOr<Tensor> DifferencePicture(const Tensor& expected, const Tensor& actual) {
  const bool alike = expected.dim(1) == actual.dim(1) && expected.dim(2) == actual.dim(2);
  const int64_t height = std::max(expected.dim(1), actual.dim(1));
  const int64_t third = alike ? kGap + expected.dim(2) : 0;
  const int64_t width = expected.dim(2) + kGap + actual.dim(2) + third;
  WEFT_ASSIGN_OR_RETURN(Tensor picture,
                        Tensor::Allocate(Memory(), DType::kU8, Shape{1, height, width, 3}));
  const absl::Span<uint8_t> pixels(picture.mutable_data<uint8_t>(),
                                   static_cast<size_t>(picture.numel()));
  std::fill(pixels.begin(), pixels.end(), uint8_t{255});
  const auto put = [&](const Tensor& from, int64_t left, const Tensor* other) {
    for (int64_t y = 0; y < from.dim(1); ++y) {
      for (int64_t x = 0; x < from.dim(2); ++x) {
        const int64_t pixel = y * from.dim(2) + x;
        for (int64_t c = 0; c < 3; ++c) {
          int value = Channel(from, pixel, c);
          if (other != nullptr) {
            value = std::min(255, kDifferenceGain * std::abs(value - Channel(*other, pixel, c)));
          }
          pixels[static_cast<size_t>((y * width + left + x) * 3 + c)] = static_cast<uint8_t>(value);
        }
      }
    }
  };
  put(expected, 0, nullptr);
  put(actual, expected.dim(2) + kGap, nullptr);
  if (alike) put(expected, expected.dim(2) + actual.dim(2) + 2 * kGap, &actual);
  return picture;
}

}  // namespace weft
