// jpeglib.h needs size_t and FILE to be declared before it.
#include <cstddef>
#include <cstdio>
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <csetjmp>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nodes/image/codec.h"
#include "nodes/image/exif.h"
#include "runtime/base/status_macros.h"

// libjpeg reports errors by longjmp. So everything that is called under a setjmp works on a struct
// that its caller owns, and has no local object with a destructor.
namespace weft {
namespace {

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr int kMostScans = 500;  // a progressive picture has about ten

struct ErrorManager {
  jpeg_error_mgr base;
  jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void OnError(j_common_ptr info) {
  auto* errors = reinterpret_cast<ErrorManager*>(info->err);
  (*info->err->format_message)(info, errors->message);
  std::longjmp(errors->escape, 1);
}

// Damaged pixels are an error here; oddities between the markers are not.
void OnMessage(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_ARITH_BAD_CODE:
      OnError(info);
    default:
      break;
  }
}

void SetUp(ErrorManager& errors) {
  jpeg_std_error(&errors.base);
  errors.base.error_exit = OnError;
  errors.base.emit_message = OnMessage;
  errors.message[0] = '\0';
}

struct Reader {
  jpeg_decompress_struct jpeg = {};
  ErrorManager errors = {};
  jpeg_progress_mgr progress = {};
  bool created = false;

  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    if (created) jpeg_destroy_decompress(&jpeg);
  }
};

// A small file can hold thousands of scans, each as slow as a picture.
void OnProgress(j_common_ptr info) {
  if (!info->is_decompressor) return;
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMostScans) {
    ERREXIT(info, JERR_BAD_PROGRESSION);
  }
}

bool ReadHeader(Reader& reader, absl::string_view bytes) {
  SetUp(reader.errors);
  reader.jpeg.err = &reader.errors.base;
  if (setjmp(reader.errors.escape) != 0) return false;
  jpeg_create_decompress(&reader.jpeg);
  reader.created = true;
  reader.progress.progress_monitor = OnProgress;
  reader.jpeg.progress = &reader.progress;
  jpeg_mem_src(&reader.jpeg, reinterpret_cast<const unsigned char*>(bytes.data()),
               static_cast<unsigned long>(bytes.size()));
  jpeg_save_markers(&reader.jpeg, kExifMarker, 0xffff);
  jpeg_read_header(&reader.jpeg, TRUE);
  return true;
}

bool IsFourInks(const Reader& reader) {
  return reader.jpeg.jpeg_color_space == JCS_CMYK || reader.jpeg.jpeg_color_space == JCS_YCCK;
}

// Rows of three channels, or of four inks.
bool ReadRows(Reader& reader, uint8_t* pixels) {
  if (setjmp(reader.errors.escape) != 0) return false;
  reader.jpeg.out_color_space = IsFourInks(reader) ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&reader.jpeg);
  const size_t stride = static_cast<size_t>(reader.jpeg.output_width) *
                        static_cast<size_t>(reader.jpeg.output_components);
  while (reader.jpeg.output_scanline < reader.jpeg.output_height) {
    JSAMPROW row = pixels + reader.jpeg.output_scanline * stride;
    jpeg_read_scanlines(&reader.jpeg, &row, 1);
  }
  jpeg_finish_decompress(&reader.jpeg);
  return true;
}

int OrientationOf(const Reader& reader) {
  for (jpeg_saved_marker_ptr marker = reader.jpeg.marker_list; marker != nullptr;
       marker = marker->next) {
    if (marker->marker != kExifMarker) continue;
    return ExifOrientation(
        absl::string_view(reinterpret_cast<const char*>(marker->data), marker->data_length));
  }
  return 1;
}

absl::Status BadJpeg(const Reader& reader) {
  return Invalid("is a JPEG that cannot be read: ", reader.errors.message);
}

// Four inks as printers' programs store them: inverted, 255 is no ink.
absl::StatusOr<Tensor> RgbFromInks(const Tensor& inks, bool inverted, const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(
      Tensor image, Tensor::Allocate(allocator, DType::kU8, Shape{1, inks.dim(1), inks.dim(2), 3}));
  const uint8_t* from = inks.data<uint8_t>();
  uint8_t* to = image.mutable_data<uint8_t>();
  for (int64_t i = 0; i < inks.numel() / 4; ++i, from += 4, to += 3) {
    const int black = inverted ? from[3] : 255 - from[3];
    for (int c = 0; c < 3; ++c) {
      const int ink = inverted ? from[c] : 255 - from[c];
      to[c] = static_cast<uint8_t>((ink * black + 127) / 255);
    }
  }
  return image;
}

struct Writer {
  jpeg_compress_struct jpeg = {};
  ErrorManager errors = {};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  bool created = false;

  Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    if (created) jpeg_destroy_compress(&jpeg);
    std::free(bytes);
  }
};

bool WriteAll(Writer& writer, const uint8_t* pixels, JDIMENSION width, JDIMENSION height,
              int channels, int quality) {
  SetUp(writer.errors);
  writer.jpeg.err = &writer.errors.base;
  if (setjmp(writer.errors.escape) != 0) return false;
  jpeg_create_compress(&writer.jpeg);
  writer.created = true;
  jpeg_mem_dest(&writer.jpeg, &writer.bytes, &writer.size);
  writer.jpeg.image_width = width;
  writer.jpeg.image_height = height;
  writer.jpeg.input_components = channels;
  writer.jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&writer.jpeg);
  jpeg_set_quality(&writer.jpeg, quality, TRUE);
  jpeg_start_compress(&writer.jpeg, TRUE);
  const size_t stride = static_cast<size_t>(width) * static_cast<size_t>(channels);
  while (writer.jpeg.next_scanline < writer.jpeg.image_height) {
    JSAMPROW row = const_cast<uint8_t*>(pixels) + writer.jpeg.next_scanline * stride;
    jpeg_write_scanlines(&writer.jpeg, &row, 1);
  }
  jpeg_finish_compress(&writer.jpeg);
  return true;
}

}  // namespace

absl::StatusOr<ImageHeader> ReadJpegHeader(absl::string_view bytes) {
  Reader reader;
  if (!ReadHeader(reader, bytes)) return BadJpeg(reader);
  ImageHeader header{.format = ImageFormat::kJpeg,
                     .width = reader.jpeg.image_width,
                     .height = reader.jpeg.image_height,
                     .alpha = false};
  if (SwapsSides(OrientationOf(reader))) std::swap(header.width, header.height);
  return header;
}

absl::StatusOr<Tensor> DecodeJpeg(absl::string_view bytes, const Allocator& allocator) {
  Reader reader;
  if (!ReadHeader(reader, bytes)) return BadJpeg(reader);
  const int64_t width = reader.jpeg.image_width, height = reader.jpeg.image_height;
  WEFT_RETURN_IF_ERROR(CheckImageSize(width, height));
  const bool four_inks = IsFourInks(reader);
  const int orientation = OrientationOf(reader);  // reading the rows drops the markers
  WEFT_ASSIGN_OR_RETURN(Tensor image, Tensor::Allocate(allocator, DType::kU8,
                                                       Shape{1, height, width, four_inks ? 4 : 3}));
  if (!ReadRows(reader, image.mutable_data<uint8_t>())) return BadJpeg(reader);
  if (four_inks) {
    WEFT_ASSIGN_OR_RETURN(image,
                          RgbFromInks(image, reader.jpeg.saw_Adobe_marker != FALSE, allocator));
  }
  return Upright(image, orientation, allocator);
}

absl::StatusOr<std::string> EncodeJpeg(const Tensor& image, const EncodeOptions& options) {
  if (image.dim(3) == 4) return Invalid("a JPEG has no transparency; save four channels as PNG");
  Writer writer;
  if (!WriteAll(writer, image.data<uint8_t>(), static_cast<JDIMENSION>(image.dim(2)),
                static_cast<JDIMENSION>(image.dim(1)), static_cast<int>(image.dim(3)),
                options.quality)) {
    return absl::InternalError(absl::StrCat("cannot encode a JPEG: ", writer.errors.message));
  }
  return std::string(reinterpret_cast<const char*>(writer.bytes), writer.size);
}

}  // namespace weft
