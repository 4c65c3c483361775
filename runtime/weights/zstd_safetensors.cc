#include "runtime/weights/zstd_safetensors.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/zstd_stream.h"

namespace weft {
namespace {

// Weights hardly shrink below a half; a file that grows a thousandfold is an attack on memory
// unless it stays small.
constexpr size_t kAlwaysAllowed = size_t{1} << 30;
constexpr size_t kMostGrowth = 1000;
// How far back zstd looks at its level 19, the highest that is in common use.
constexpr size_t kUsualWindow = size_t{8} << 20;

class ZstdSafetensors : public SafetensorsFile {
 public:
  ZstdSafetensors(std::string path, SafetensorsHeader header, ZstdStream stream, size_t data_begin)
      : SafetensorsFile(std::move(path), "safetensors, zstd", std::move(header)),
        data_begin_(data_begin),
        stream_(std::move(stream)),
        given_(entries().size(), false) {
    size_t data_bytes = 0;
    for (const SafetensorsEntry& entry : entries()) data_bytes = std::max(data_bytes, entry.end);
    window_bytes_ = std::min(data_bytes, kUsualWindow);
  }

  size_t scratch_bytes() const override { return window_bytes_; }

  absl::StatusOr<Tensor> Read(size_t index) const override {
    const absl::MutexLock lock(&mutex_);
    if (const auto kept = passed_.find(index); kept != passed_.end()) {
      Tensor tensor = std::move(kept->second);
      passed_.erase(kept);
      given_[index] = true;
      return tensor;
    }
    if (index < next_) {
      WEFT_RETURN_IF_ERROR(stream_.Restart());
      next_ = 0;
    }
    // After an error the stream stands within some tensor: start over the next time.
    absl::StatusOr<Tensor> tensor = Advance(index);
    if (!tensor.ok()) {
      passed_.clear();
      next_ = 0;
      WEFT_RETURN_IF_ERROR(stream_.Restart());
    }
    return tensor;
  }

 private:
  absl::StatusOr<Tensor> Advance(size_t index) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (stream_.position() < data_begin_) {
      WEFT_RETURN_IF_ERROR(stream_.Skip(data_begin_ - stream_.position()));
    }
    for (; next_ < index; ++next_) {
      const SafetensorsEntry& entry = entries()[next_];
      if (given_[next_] || passed_.contains(next_)) {
        WEFT_RETURN_IF_ERROR(stream_.Skip(entry.end - entry.begin));
      } else {
        WEFT_ASSIGN_OR_RETURN(passed_[next_], ReadNext(entry));
      }
    }
    WEFT_ASSIGN_OR_RETURN(Tensor tensor, ReadNext(entries()[next_]));
    given_[next_++] = true;
    if (next_ == entries().size()) {
      WEFT_ASSIGN_OR_RETURN(const bool ended, stream_.AtEnd());
      if (!ended) return absl::DataLossError("holds more data than its header says");
    }
    return tensor;
  }

  absl::StatusOr<Tensor> ReadNext(const SafetensorsEntry& entry) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<Buffer> buffer,
                          Buffer::Allocate(Device::kCpu, entry.end - entry.begin, nullptr));
    WEFT_RETURN_IF_ERROR(stream_.Read(absl::MakeSpan(buffer->data(), buffer->bytes())));
    return TensorFromBytes(absl::MakeConstSpan(buffer->data(), buffer->bytes()), entry.type,
                           entry.shape, /*swap_bytes=*/false, buffer);
  }

  const size_t data_begin_;
  size_t window_bytes_ = 0;
  mutable absl::Mutex mutex_;
  mutable ZstdStream stream_ ABSL_GUARDED_BY(mutex_);
  mutable size_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // entry that the stream comes to
  mutable absl::flat_hash_map<size_t, Tensor> passed_ ABSL_GUARDED_BY(mutex_);
  mutable std::vector<bool> given_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> OpenZstdSafetensors(
    const std::string& path, std::shared_ptr<const MappedFile> file) {
  const absl::Span<const std::byte> compressed(file->data(), file->size());
  WEFT_ASSIGN_OR_RETURN(const std::optional<size_t> size, ZstdContentSize(compressed));
  ZstdStream stream(file);
  std::string prefix(kSafetensorsPrefix, '\0');
  const auto bytes_of = [](std::string& text) {
    return absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size());
  };
  WEFT_RETURN_IF_ERROR(stream.Read(bytes_of(prefix)));
  WEFT_ASSIGN_OR_RETURN(const size_t length, SafetensorsHeaderLength(prefix));
  std::string json(length, '\0');
  WEFT_RETURN_IF_ERROR(stream.Read(bytes_of(json)));
  WEFT_ASSIGN_OR_RETURN(SafetensorsHeader header, ParseSafetensorsHeader(json));
  const size_t data_begin = kSafetensorsPrefix + length;
  if (size.has_value() && *size != data_begin + header.data_bytes) {
    return Invalid("decompresses to ", *size, " bytes, but its header speaks of ",
                   data_begin + header.data_bytes);
  }
  const size_t most = std::max(kAlwaysAllowed, compressed.size() * kMostGrowth);
  if (header.data_bytes > most) {
    return absl::ResourceExhaustedError(absl::StrCat("would grow from ", compressed.size(), " to ",
                                                     header.data_bytes, " bytes: more than ",
                                                     kMostGrowth, " times, which no weights do"));
  }
  return std::make_shared<ZstdSafetensors>(path, std::move(header), std::move(stream), data_begin);
}

}  // namespace weft
