#include "nodes/image/codec.h"

#include <array>
#include <filesystem>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

struct Codec {
  absl::StatusOr<ImageHeader> (*header)(absl::string_view);
  absl::StatusOr<Tensor> (*decode)(absl::string_view, const Allocator&);
};

absl::StatusOr<Codec> CodecOf(absl::string_view bytes) {
  if (bytes.empty()) return Invalid("is empty");
  if (absl::StartsWith(bytes, "\x89PNG\r\n\x1a\n")) return Codec{ReadPngHeader, DecodePng};
  if (absl::StartsWith(bytes, "\xff\xd8\xff")) return Codec{ReadJpegHeader, DecodeJpeg};
  if (absl::StartsWith(bytes, "RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP") {
    return Codec{ReadWebpHeader, DecodeWebp};
  }
  return Invalid("is not a picture that can be read: neither PNG, JPEG nor WebP");
}

absl::string_view Bytes(const MappedFile& file) {
  return absl::string_view(reinterpret_cast<const char*>(file.data()), file.size());
}

}  // namespace

absl::string_view Name(ImageFormat format) {
  switch (format) {
    case ImageFormat::kPng:
      return "PNG";
    case ImageFormat::kJpeg:
      return "JPEG";
    case ImageFormat::kWebp:
      return "WebP";
  }
  return "?";
}

absl::StatusOr<ImageFormat> ImageFormatOf(absl::string_view path) {
  const std::string extension =
      absl::AsciiStrToLower(std::filesystem::path(std::string(path)).extension().string());
  if (extension == ".png") return ImageFormat::kPng;
  if (extension == ".jpg" || extension == ".jpeg") return ImageFormat::kJpeg;
  if (extension == ".webp") return ImageFormat::kWebp;
  return Invalid("\"", path, "\" has ",
                 extension.empty() ? "no extension" : absl::StrCat("the extension ", extension),
                 "; pictures are saved as .png, .jpg, .jpeg or .webp");
}

absl::Status CheckImageSize(int64_t width, int64_t height) {
  if (width < 1 || height < 1) {
    return Invalid("is a picture of ", width, " × ", height, " pixels: there is nothing in it");
  }
  if (width > kLargestImageSide || height > kLargestImageSide ||
      width * height > kLargestImageBytes / 4) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "is a picture of ", width, " × ", height, " pixels: more than ", kLargestImageSide,
        " on a side or ", kLargestImageBytes / 4, " in all are not read"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ImageHeader> ReadImageHeader(absl::string_view bytes) {
  WEFT_ASSIGN_OR_RETURN(const Codec codec, CodecOf(bytes));
  WEFT_ASSIGN_OR_RETURN(const ImageHeader header, codec.header(bytes));
  WEFT_RETURN_IF_ERROR(CheckImageSize(header.width, header.height));
  return header;
}

absl::StatusOr<Tensor> DecodeImage(absl::string_view bytes, const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(const Codec codec, CodecOf(bytes));
  return codec.decode(bytes, allocator);
}

absl::StatusOr<ImageHeader> ReadImageFileHeader(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  absl::StatusOr<ImageHeader> header = ReadImageHeader(Bytes(*file));
  if (!header.ok()) return Annotate(header.status(), absl::StrCat("\"", path, "\""));
  return header;
}

absl::StatusOr<Tensor> DecodeImageFile(const std::string& path, const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  absl::StatusOr<Tensor> image = DecodeImage(Bytes(*file), allocator);
  if (!image.ok()) return Annotate(image.status(), absl::StrCat("\"", path, "\""));
  return image;
}

absl::StatusOr<std::string> EncodeImage(const Tensor& image, ImageFormat format,
                                        const EncodeOptions& options) {
  const int64_t channels = image.rank() == 4 ? image.dim(3) : 0;
  if (image.rank() != 4 || image.dim(0) != 1 || image.dtype() != DType::kU8 || image.is_meta() ||
      (channels != 1 && channels != 3 && channels != 4)) {
    return Invalid("cannot encode a tensor of shape ", image.shape().ToString(), " ",
                   Name(image.dtype()), "; expected [1, h, w, 1, 3 or 4] u8");
  }
  WEFT_RETURN_IF_ERROR(CheckImageSize(image.dim(2), image.dim(1)));
  switch (format) {
    case ImageFormat::kPng:
      return EncodePng(image, options);
    case ImageFormat::kJpeg:
      return EncodeJpeg(image, options);
    case ImageFormat::kWebp:
      return EncodeWebp(image, options);
  }
  return absl::InternalError("unknown picture format");
}

}  // namespace weft
