#include "runtime/weights/zstd_stream.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/base/status_macros.h"

namespace weft {

bool IsZstd(absl::string_view bytes) {
  if (bytes.size() < 4) return false;
  uint32_t magic = 0;
  for (size_t i = 4; i-- > 0;) magic = magic << 8 | static_cast<unsigned char>(bytes[i]);
  return magic == ZSTD_MAGICNUMBER ||
         (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

absl::StatusOr<std::optional<size_t>> ZstdContentSize(absl::Span<const std::byte> compressed) {
  if (compressed.empty()) return Invalid("is empty");
  size_t total = 0;
  bool known = true;
  for (bool first = true; !compressed.empty(); first = false) {
    const size_t frame = ZSTD_findFrameCompressedSize(compressed.data(), compressed.size());
    if (ZSTD_isError(frame)) {
      return Invalid(first ? "is not zstd data, or is truncated: "
                           : "is truncated, or holds something else after its zstd data: ",
                     ZSTD_getErrorName(frame));
    }
    const unsigned long long content =
        ZSTD_getFrameContentSize(compressed.data(), compressed.size());
    if (content == ZSTD_CONTENTSIZE_ERROR) return Invalid("is not zstd data");
    if (content == ZSTD_CONTENTSIZE_UNKNOWN) {
      known = false;
    } else if (content > SIZE_MAX / 2 - total) {
      return Invalid("claims to decompress to more than can be addressed");
    } else {
      total += static_cast<size_t>(content);
    }
    compressed.remove_prefix(frame);
  }
  return known ? std::optional<size_t>(total) : std::nullopt;
}

ZstdStream::ZstdStream(std::shared_ptr<const MappedFile> file)
    : file_(std::move(file)), stream_(ZSTD_createDStream()) {}

absl::Status ZstdStream::Restart() {
  if (stream_ == nullptr) return absl::ResourceExhaustedError("out of memory for zstd");
  ZSTD_DCtx_reset(stream_.get(), ZSTD_reset_session_only);
  consumed_ = 0;
  position_ = 0;
  between_frames_ = true;
  return absl::OkStatus();
}

absl::Status ZstdStream::Read(absl::Span<std::byte> to) {
  if (stream_ == nullptr) return absl::ResourceExhaustedError("out of memory for zstd");
  ZSTD_inBuffer in = {file_->data(), file_->size(), consumed_};
  ZSTD_outBuffer out = {to.data(), to.size(), 0};
  while (out.pos < out.size) {
    const size_t before = out.pos;
    const size_t result = ZSTD_decompressStream(stream_.get(), &out, &in);
    if (ZSTD_isError(result)) {
      return absl::DataLossError(absl::StrCat("is corrupt after ", position_ + out.pos,
                                              " decompressed bytes: ", ZSTD_getErrorName(result)));
    }
    between_frames_ = result == 0;
    if (in.pos == in.size && out.pos == before) {
      return absl::DataLossError(
          absl::StrCat("ends after ", position_ + out.pos,
                       " decompressed bytes, where its header promises more"));
    }
  }
  consumed_ = in.pos;
  position_ += to.size();
  return absl::OkStatus();
}

absl::Status ZstdStream::Skip(size_t bytes) {
  std::vector<std::byte> unused(std::min(bytes, size_t{1} << 17));
  while (bytes > 0) {
    const size_t piece = std::min(bytes, unused.size());
    WEFT_RETURN_IF_ERROR(Read(absl::MakeSpan(unused.data(), piece)));
    bytes -= piece;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ZstdStream::AtEnd() {
  if (stream_ == nullptr) return absl::ResourceExhaustedError("out of memory for zstd");
  // What is left may be the end of a frame and its checksum, which give no output, or empty frames.
  ZSTD_inBuffer in = {file_->data(), file_->size(), consumed_};
  bool between_frames = between_frames_;
  while (in.pos < in.size || !between_frames) {
    std::byte beyond;
    ZSTD_outBuffer out = {&beyond, 1, 0};
    const size_t before = in.pos;
    const size_t result = ZSTD_decompressStream(stream_.get(), &out, &in);
    if (ZSTD_isError(result)) {
      return absl::DataLossError(absl::StrCat("is corrupt after ", position_,
                                              " decompressed bytes: ", ZSTD_getErrorName(result)));
    }
    if (out.pos > 0) return false;
    between_frames = result == 0;
    if (in.pos == before && !between_frames) {
      return absl::DataLossError("ends within its last zstd frame");
    }
  }
  return true;
}

}  // namespace weft
