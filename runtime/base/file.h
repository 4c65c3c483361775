#ifndef WEFT_RUNTIME_BASE_FILE_H_
#define WEFT_RUNTIME_BASE_FILE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace weft {

// All errors here begin with the quoted path.

bool FileExists(const std::string& path);

// The whole file. RESOURCE_EXHAUSTED if it is larger than `limit` bytes.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit);

// A file mapped into memory, read-only, for as long as somebody holds it. Cutting the file short
// while it is mapped is beyond what a process can guard against.
class MappedFile {
 public:
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  // A copy of `bytes`, as if it had been mapped: for readers that are fed from memory.
  static std::shared_ptr<const MappedFile> Of(absl::string_view bytes);
  // Holds `file` for whoever reads these of its bytes. When that is done, the pages leave the
  // process: the file is mapped still, and a later reader finds them in the system's cache.
  static std::shared_ptr<const void> Lend(std::shared_ptr<const MappedFile> file,
                                          const std::byte* data, size_t bytes);
  // Tells that these bytes, of a lent window, have been read: whole pages of them leave the process
  // at once. They may belong to no mapped file; nothing happens then.
  static void HaveBeenRead(const std::byte* data, size_t bytes);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }  // null where the file is empty
  size_t size() const { return size_; }
  absl::string_view text() const {
    return absl::string_view(reinterpret_cast<const char*>(data_), size_);
  }

 private:
  MappedFile() = default;
  void DropPages(const std::byte* data, size_t bytes) const;

  std::unique_ptr<std::byte[]> copy_;  // null where the file is mapped
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// A file that appears whole or not at all: it is written beside its target under a temporary name,
// and takes the target's place with Commit(). Dropped without Commit(), it leaves nothing behind.
// A target that is a device or a pipe is written directly.
class AtomicFile {
 public:
  static absl::StatusOr<AtomicFile> Create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  absl::Status Write(absl::string_view bytes);
  absl::Status Commit();

 private:
  AtomicFile() = default;
  void Discard();

  int descriptor_ = -1;
  std::string path_;
  std::string temporary_;  // empty where the target is written directly
};

// AtomicFile in one call.
absl::Status WriteFile(const std::string& path, absl::string_view contents);

// Makes the folder and those above it; fine if it is there already.
absl::Status MakeFolder(const std::string& path);

}  // namespace weft

#endif  // WEFT_RUNTIME_BASE_FILE_H_
