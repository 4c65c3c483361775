#include "runtime/weights/zstd_safetensors.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/unnamed_file.h"
#include "runtime/weights/zstd_stream.h"

namespace weft {
namespace {

// Weights hardly shrink below a half; a file that grows a thousandfold is an attack on memory
// unless it stays small. Beyond that, no zstd data grows more: a block of four bytes at least gives
// 128 KiB at most.
constexpr size_t kAlwaysAllowed = size_t{1} << 30;
constexpr size_t kMostGrowth = 1000;
constexpr size_t kMostPossibleGrowth = (128 << 10) / 4;
// More than this is not decompressed into memory: tensors that are passed on the way to one that is
// asked for would stay there.
constexpr size_t kMostInMemory = size_t{1} << 20;
// How far back zstd looks at its level 19, the highest that is in common use.
constexpr size_t kUsualWindow = size_t{8} << 20;

class ZstdSafetensors : public SafetensorsFile {
 public:
  ZstdSafetensors(std::string path, SafetensorsHeader header, ZstdStream stream, size_t data_begin)
      : SafetensorsFile(std::move(path), "safetensors, zstd", std::move(header)),
        data_begin_(data_begin),
        stream_(std::move(stream)),
        given_(entries().size(), false) {
    for (const SafetensorsEntry& entry : entries()) data_bytes_ = std::max(data_bytes_, entry.end);
    window_bytes_ = std::min(data_bytes_, kUsualWindow);
  }

  size_t scratch_bytes() const override { return window_bytes_; }

  absl::StatusOr<Tensor> Read(size_t index) const override {
    const absl::MutexLock lock(&mutex_);
    if (unpacked_ == nullptr && (given_[index] || data_bytes_ > kMostInMemory)) {
      if (const absl::Status status = Unpack(); !status.ok()) {
        WEFT_RETURN_IF_ERROR(stream_.Restart());  // it stands somewhere
        return status;
      }
    }
    if (unpacked_ != nullptr) return Window(index);
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
  absl::StatusOr<Tensor> Window(size_t index) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const SafetensorsEntry& entry = entries()[index];
    const std::byte* data = unpacked_->data() + entry.begin;
    const size_t bytes = entry.end - entry.begin;
    return TensorFromBytes(absl::MakeConstSpan(data, bytes), entry.type, entry.shape,
                           /*swap_bytes=*/false, MappedFile::Lend(unpacked_, data, bytes));
  }

  // Puts the data into a temporary file, to be read in any order and as often as it is asked for.
  // Where there is no room for one, decompressing goes on in memory.
  absl::Status Unpack() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!can_unpack_) return absl::OkStatus();
    passed_.clear();
    next_ = 0;
    WEFT_RETURN_IF_ERROR(stream_.Restart());
    WEFT_RETURN_IF_ERROR(stream_.Skip(data_begin_));
    absl::StatusOr<UnnamedFile> file = UnnamedFile::Create();
    std::string piece(std::min(data_bytes_, size_t{1} << 20), '\0');
    absl::Status written = file.status();
    for (size_t done = 0; written.ok() && done < data_bytes_; done += piece.size()) {
      piece.resize(std::min(piece.size(), data_bytes_ - done));
      WEFT_RETURN_IF_ERROR(
          stream_.Read(absl::MakeSpan(reinterpret_cast<std::byte*>(piece.data()), piece.size())));
      written = file->Write(piece);
    }
    if (written.ok()) {
      WEFT_ASSIGN_OR_RETURN(const bool ended, stream_.AtEnd());
      if (!ended) return absl::DataLossError("holds more data than its header says");
      if (data_bytes_ == 0) return stream_.Restart();
      absl::StatusOr<std::shared_ptr<const MappedFile>> mapped = file->Map();
      if (mapped.ok()) unpacked_ = *std::move(mapped);
    }
    can_unpack_ = unpacked_ != nullptr;
    return stream_.Restart();
  }

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
  size_t data_bytes_ = 0;
  size_t window_bytes_ = 0;
  mutable absl::Mutex mutex_;
  mutable ZstdStream stream_ ABSL_GUARDED_BY(mutex_);
  mutable size_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // entry that the stream comes to
  mutable absl::flat_hash_map<size_t, Tensor> passed_ ABSL_GUARDED_BY(mutex_);
  mutable std::vector<bool> given_ ABSL_GUARDED_BY(mutex_);
  mutable std::shared_ptr<const MappedFile> unpacked_ ABSL_GUARDED_BY(mutex_);  // or null
  mutable bool can_unpack_ ABSL_GUARDED_BY(mutex_) = true;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> OpenZstdSafetensors(
    const std::string& path, std::shared_ptr<const MappedFile> file) {
  const absl::Span<const std::byte> compressed(file->data(), file->size());
  WEFT_ASSIGN_OR_RETURN(const std::optional<size_t> size, ZstdContentSize(compressed));
  ZstdStream stream(std::move(file));
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
  const size_t most = std::max(std::min(kAlwaysAllowed, compressed.size() * kMostPossibleGrowth),
                               compressed.size() * kMostGrowth);
  if (header.data_bytes > most) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "would grow from ", compressed.size(), " to ", header.data_bytes, " bytes: more than ",
        most / compressed.size(), " times, which no weights do"));
  }
  return std::make_shared<ZstdSafetensors>(path, std::move(header), std::move(stream), data_begin);
}

}  // namespace weft
