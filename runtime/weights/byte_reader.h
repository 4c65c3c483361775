#ifndef WEFT_RUNTIME_WEIGHTS_BYTE_READER_H_
#define WEFT_RUNTIME_WEIGHTS_BYTE_READER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/status_macros.h"

namespace weft {

// Takes little-endian numbers and pieces from the front of untrusted bytes, never past their end.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }

  // A window of `count` bytes.
  absl::StatusOr<absl::string_view> Bytes(uint64_t count) {
    if (count > left()) {
      return Invalid("is truncated, or damaged: ", count, " bytes should follow at byte ",
                     position_, ", but ", left(), " do");
    }
    const absl::string_view piece = bytes_.substr(position_, static_cast<size_t>(count));
    position_ += piece.size();
    return piece;
  }

  template <typename T>
  absl::StatusOr<T> Number() {
    WEFT_ASSIGN_OR_RETURN(const absl::string_view piece, Bytes(sizeof(T)));
    T number;
    std::memcpy(&number, piece.data(), sizeof(T));
    return number;
  }

  // What stands before the next newline, which is taken too.
  absl::StatusOr<absl::string_view> Line() {
    const size_t end = bytes_.find('\n', position_);
    if (end == absl::string_view::npos) return Bytes(uint64_t{left()} + 1);
    const absl::string_view line = bytes_.substr(position_, end - position_);
    position_ = end + 1;
    return line;
  }

 private:
  absl::string_view bytes_;
  size_t position_ = 0;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_BYTE_READER_H_
