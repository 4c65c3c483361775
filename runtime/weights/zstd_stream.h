#ifndef WEFT_RUNTIME_WEIGHTS_ZSTD_STREAM_H_
#define WEFT_RUNTIME_WEIGHTS_ZSTD_STREAM_H_

#include <zstd.h>

#include <cstddef>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/base/file.h"

namespace weft {

// Whether this is how zstd data begins: with a frame, or one to be skipped.
bool IsZstd(absl::string_view bytes);

// Walks the frames of compressed data without decompressing them. An error if they are truncated
// or no zstd; else the decompressed size, where the frames tell it.
absl::StatusOr<std::optional<size_t>> ZstdContentSize(absl::Span<const std::byte> compressed);

// Decompresses a mapped file from its start to its end, in pieces of the caller's choice.
class ZstdStream {
 public:
  explicit ZstdStream(std::shared_ptr<const MappedFile> file);

  size_t position() const { return position_; }  // in the decompressed data
  // Fills `to` exactly; an error if the data is corrupt or ends before.
  absl::Status Read(absl::Span<std::byte> to);
  absl::Status Skip(size_t bytes);
  // Whether the compressed data is used up: there is nothing beyond position(). Only Restart()
  // may follow.
  absl::StatusOr<bool> AtEnd();
  absl::Status Restart();

 private:
  struct FreeStream {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };

  std::shared_ptr<const MappedFile> file_;
  std::unique_ptr<ZSTD_DStream, FreeStream> stream_;
  size_t consumed_ = 0;
  size_t position_ = 0;
  bool between_frames_ = true;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_ZSTD_STREAM_H_
