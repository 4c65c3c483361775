#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nodes/image/codec.h"
#include "runtime/base/status_macros.h"

// libpng reports errors by longjmp. So everything that is called under a setjmp works on a struct
// that its caller owns, and has no local object with a destructor.
namespace weft {
namespace {

struct Session {
  png_structp png = nullptr;
  png_infop info = nullptr;
  bool writing = false;
  char error[160] = "";
  // Reading
  absl::string_view rest;
  int passes = 1;
  // Writing
  std::string out;

  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (writing) {
      png_destroy_write_struct(&png, &info);
    } else {
      png_destroy_read_struct(&png, &info, nullptr);
    }
  }
};

[[noreturn]] void OnError(png_structp png, png_const_charp message) {
  auto* session = static_cast<Session*>(png_get_error_ptr(png));
  std::snprintf(session->error, sizeof(session->error), "%s", message);
  png_longjmp(png, 1);
}

// Warnings are about side chunks (profiles, texts), which pixels do not depend on.
void OnWarning(png_structp, png_const_charp) {}

void OnRead(png_structp png, png_bytep to, size_t count) {
  auto* session = static_cast<Session*>(png_get_io_ptr(png));
  if (count > session->rest.size()) png_error(png, "the file is truncated");
  std::memcpy(to, session->rest.data(), count);
  session->rest.remove_prefix(count);
}

void OnWrite(png_structp png, png_bytep from, size_t count) {
  auto* session = static_cast<Session*>(png_get_io_ptr(png));
  session->out.append(reinterpret_cast<const char*>(from), count);
}

bool ReadInfo(Session& session) {
  if (setjmp(png_jmpbuf(session.png)) != 0) return false;
  png_set_user_limits(session.png, static_cast<png_uint_32>(kLargestImageSide),
                      static_cast<png_uint_32>(kLargestImageSide));
  // Side chunks must not grow without bound either.
  png_set_chunk_malloc_max(session.png, 4 << 20);
  png_set_chunk_cache_max(session.png, 64);
  png_set_read_fn(session.png, &session, OnRead);
  png_read_info(session.png, session.info);
  return true;
}

// Asks for 8-bit RGB or RGBA, whatever is stored.
bool SetFormat(Session& session, bool alpha) {
  if (setjmp(png_jmpbuf(session.png)) != 0) return false;
  png_set_strip_16(session.png);
  png_set_expand(session.png);  // palettes, fewer than 8 bits, transparent colours
  png_set_gray_to_rgb(session.png);
  if (alpha) png_set_add_alpha(session.png, 0xff, PNG_FILLER_AFTER);
  session.passes = png_set_interlace_handling(session.png);
  png_read_update_info(session.png, session.info);
  return true;
}

bool ReadRows(Session& session, png_bytep pixels, size_t height, size_t stride) {
  if (setjmp(png_jmpbuf(session.png)) != 0) return false;
  for (int pass = 0; pass < session.passes; ++pass) {
    for (size_t y = 0; y < height; ++y) {
      png_read_row(session.png, pixels + y * stride, nullptr);
    }
  }
  png_read_end(session.png, nullptr);
  return true;
}

bool WriteAll(Session& session, png_const_bytep pixels, png_uint_32 width, png_uint_32 height,
              int channels, png_textp text) {
  if (setjmp(png_jmpbuf(session.png)) != 0) return false;
  png_set_write_fn(session.png, &session, OnWrite, nullptr);
  // Texts are as long as they are: a whole graph with its parts.
  png_set_chunk_malloc_max(session.png, 0);
  const int type = channels == 1   ? PNG_COLOR_TYPE_GRAY
                   : channels == 3 ? PNG_COLOR_TYPE_RGB
                                   : PNG_COLOR_TYPE_RGB_ALPHA;
  png_set_IHDR(session.png, session.info, width, height, 8, type, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (text != nullptr) png_set_text(session.png, session.info, text, 1);
  png_write_info(session.png, session.info);
  const size_t stride = static_cast<size_t>(width) * static_cast<size_t>(channels);
  for (size_t y = 0; y < height; ++y) png_write_row(session.png, pixels + y * stride);
  png_write_end(session.png, nullptr);
  return true;
}

absl::Status BadPng(const Session& session) {
  return Invalid("is a PNG that cannot be read: ", session.error);
}

// Whether every chunk (length, type, data, checksum) is there in full. libpng takes memory for a
// chunk's length before it looks for the data; pixels it reads bit by bit, so they may be cut off:
// the header is good without them.
bool HoldsItsChunks(absl::string_view bytes) {
  constexpr size_t kSignature = 8;
  constexpr size_t kAround = 12;
  for (size_t at = kSignature; at < bytes.size();) {
    const absl::string_view chunk = bytes.substr(at);
    if (chunk.size() < kAround) return false;
    const size_t length = png_get_uint_32(reinterpret_cast<png_const_bytep>(chunk.data()));
    const absl::string_view type = chunk.substr(4, 4);
    if (length > chunk.size() - kAround) return type == "IDAT";
    if (type == "IEND") return true;  // what follows is nobody's
    at += kAround + length;
  }
  return true;
}

absl::Status Open(Session& session, absl::string_view bytes) {
  session.rest = bytes;
  session.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &session, OnError, OnWarning);
  if (session.png != nullptr) session.info = png_create_info_struct(session.png);
  if (session.info == nullptr) return absl::ResourceExhaustedError("out of memory for libpng");
  // Before libpng takes memory for it, so that a lying size is one clear error.
  if (bytes.size() >= 24 && bytes.substr(12, 4) == "IHDR") {
    WEFT_RETURN_IF_ERROR(
        CheckImageSize(png_get_uint_32(reinterpret_cast<png_const_bytep>(bytes.data()) + 16),
                       png_get_uint_32(reinterpret_cast<png_const_bytep>(bytes.data()) + 20)));
  }
  if (!HoldsItsChunks(bytes)) {
    return Invalid("is a PNG that cannot be read: the file is truncated");
  }
  if (!ReadInfo(session)) return BadPng(session);
  // Deflate shrinks to a 1032nd at best: a file that promises more has not got it.
  const size_t stored = png_get_rowbytes(session.png, session.info) *
                        static_cast<size_t>(png_get_image_height(session.png, session.info));
  if (stored / 1032 > bytes.size()) {
    return Invalid("is a PNG that cannot be read: ", bytes.size(), " bytes cannot hold the ",
                   stored, " that its header promises");
  }
  return absl::OkStatus();
}

ImageHeader HeaderOf(const Session& session) {
  const bool alpha = (png_get_color_type(session.png, session.info) & PNG_COLOR_MASK_ALPHA) != 0 ||
                     png_get_valid(session.png, session.info, PNG_INFO_tRNS) != 0;
  return ImageHeader{.format = ImageFormat::kPng,
                     .width = png_get_image_width(session.png, session.info),
                     .height = png_get_image_height(session.png, session.info),
                     .alpha = alpha};
}

}  // namespace

absl::StatusOr<ImageHeader> ReadPngHeader(absl::string_view bytes) {
  Session session;
  WEFT_RETURN_IF_ERROR(Open(session, bytes));
  return HeaderOf(session);
}

absl::StatusOr<Tensor> DecodePng(absl::string_view bytes, const Allocator& allocator) {
  Session session;
  WEFT_RETURN_IF_ERROR(Open(session, bytes));
  const ImageHeader header = HeaderOf(session);
  const int64_t channels = header.alpha ? 4 : 3;
  if (!SetFormat(session, header.alpha)) return BadPng(session);
  const size_t stride = static_cast<size_t>(header.width * channels);
  if (png_get_rowbytes(session.png, session.info) != stride) {
    return Invalid("is a PNG that cannot be read: its rows have an unexpected length");
  }
  WEFT_ASSIGN_OR_RETURN(
      Tensor image,
      Tensor::Allocate(allocator, DType::kU8, Shape{1, header.height, header.width, channels}));
  if (!ReadRows(session, image.mutable_data<uint8_t>(), static_cast<size_t>(header.height),
                stride)) {
    return BadPng(session);
  }
  return image;
}

absl::StatusOr<std::string> EncodePng(const Tensor& image, const EncodeOptions& options) {
  Session session;
  session.writing = true;
  session.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &session, OnError, OnWarning);
  if (session.png != nullptr) session.info = png_create_info_struct(session.png);
  if (session.info == nullptr) return absl::ResourceExhaustedError("out of memory for libpng");
  // iTXt is UTF-8; short texts are kept legible in the file.
  constexpr size_t kLegible = 1024;
  std::string key = options.text_key;
  std::string text = options.text;
  std::string none;
  png_text chunk = {};
  chunk.compression =
      text.size() > kLegible ? PNG_ITXT_COMPRESSION_zTXt : PNG_ITXT_COMPRESSION_NONE;
  chunk.key = key.data();
  chunk.text = text.data();
  chunk.itxt_length = text.size();
  chunk.lang = none.data();
  chunk.lang_key = none.data();
  if (!WriteAll(session, image.data<uint8_t>(), static_cast<png_uint_32>(image.dim(2)),
                static_cast<png_uint_32>(image.dim(1)), static_cast<int>(image.dim(3)),
                key.empty() ? nullptr : &chunk)) {
    return absl::InternalError(absl::StrCat("cannot encode a PNG: ", session.error));
  }
  return std::move(session.out);
}

}  // namespace weft
