#include "nodes/image/png_text.h"

#include <zlib.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr absl::string_view kSignature("\x89PNG\r\n\x1a\n", 8);
constexpr size_t kLongestText = size_t{16} << 20;  // a graph; not a bomb

uint32_t BigEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

absl::StatusOr<std::string> Inflate(absl::string_view compressed) {
  z_stream stream = {};
  if (inflateInit(&stream) != Z_OK) return absl::ResourceExhaustedError("out of memory for zlib");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::string text;
  std::array<char, 1 << 14> piece;
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const int result = inflate(&stream, Z_NO_FLUSH);
    text.append(piece.data(), piece.size() - stream.avail_out);
    if (text.size() > kLongestText) {
      return absl::ResourceExhaustedError(
          absl::StrCat("its text decompresses to more than the ", kLongestText, " bytes allowed"));
    }
    if (result == Z_STREAM_END) return text;
    if (result != Z_OK) return Invalid("its compressed text is corrupt");
  }
}

// Latin-1, which tEXt and zTXt are written in, as UTF-8.
std::string FromLatin1(absl::string_view latin) {
  std::string text;
  for (const char c : latin) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

// Takes what stands before the next NUL byte off `rest`.
std::optional<absl::string_view> TakeField(absl::string_view& rest) {
  const size_t end = rest.find('\0');
  if (end == absl::string_view::npos) return std::nullopt;
  const absl::string_view field = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return field;
}

absl::StatusOr<std::string> TextOf(absl::string_view type, absl::string_view rest) {
  const absl::Status malformed = Invalid("its ", type, " chunk is malformed");
  if (type == "tEXt") return FromLatin1(rest);
  if (type == "zTXt") {
    if (rest.empty() || rest[0] != 0) return malformed;
    WEFT_ASSIGN_OR_RETURN(const std::string latin, Inflate(rest.substr(1)));
    return FromLatin1(latin);
  }
  // iTXt: whether compressed, method, language, translated key, text.
  if (rest.size() < 2 || rest[1] != 0) return malformed;
  const bool compressed = rest[0] != 0;
  rest.remove_prefix(2);
  if (!TakeField(rest).has_value() || !TakeField(rest).has_value()) return malformed;
  return compressed ? Inflate(rest) : std::string(rest);
}

}  // namespace

absl::StatusOr<std::string> PngText(absl::string_view bytes, absl::string_view key) {
  if (!absl::StartsWith(bytes, kSignature)) return Invalid("is not a PNG");
  bytes.remove_prefix(kSignature.size());
  // A chunk: length, type, data, checksum of type and data.
  while (!bytes.empty()) {
    if (bytes.size() < 12) return Invalid("is a truncated PNG");
    const size_t length = BigEndian(bytes);
    if (length > bytes.size() - 12) return Invalid("is a truncated PNG");
    const absl::string_view type = bytes.substr(4, 4);
    absl::string_view data = bytes.substr(8, length);
    const uint32_t checksum = BigEndian(bytes.substr(8 + length));
    if (type == "IEND") break;
    if (type == "tEXt" || type == "zTXt" || type == "iTXt") {
      const auto* begin = reinterpret_cast<const Bytef*>(bytes.data() + 4);
      const bool intact = crc32(0, begin, static_cast<uInt>(length + 4)) == checksum;
      const std::optional<absl::string_view> name = TakeField(data);
      if (name.has_value() && *name == key) {
        if (!intact) return Invalid("its text ", Quoted(key), " is corrupt: the checksum differs");
        return TextOf(type, data);
      }
    }
    bytes.remove_prefix(12 + length);
  }
  return absl::NotFoundError(absl::StrCat("is a PNG that carries no text ", Quoted(key)));
}

absl::StatusOr<std::string> ReadPngText(const std::string& path, absl::string_view key) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  const absl::string_view bytes(reinterpret_cast<const char*>(file->data()), file->size());
  absl::StatusOr<std::string> text = PngText(bytes, key);
  if (!text.ok()) return Annotate(text.status(), absl::StrCat("\"", path, "\""));
  return text;
}

}  // namespace weft
