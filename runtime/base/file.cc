#include "runtime/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <map>
#include <system_error>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

absl::Status Failed(const std::string& path, absl::string_view what, int error) {
  const absl::StatusCode code = absl::ErrnoToStatusCode(error);
  return absl::Status(
      code == absl::StatusCode::kUnknown ? absl::StatusCode::kInternal : code,
      absl::StrCat("\"", path, "\": ", what, ": ", std::generic_category().message(error)));
}

// Closes what it holds when it goes.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Opens a file for reading and says how large it is. Folders and the like are refused: reading
// from a pipe could block for ever.
absl::StatusOr<size_t> CheckRegular(const std::string& path, int descriptor) {
  if (descriptor < 0) return Failed(path, "cannot be opened", errno);
  struct stat info = {};
  if (fstat(descriptor, &info) != 0) return Failed(path, "cannot be examined", errno);
  if (S_ISDIR(info.st_mode)) return Invalid("\"", path, "\": is a folder, not a file");
  if (!S_ISREG(info.st_mode)) return Invalid("\"", path, "\": is not a regular file");
  return static_cast<size_t>(info.st_size);
}

// Where files are mapped in this process: the addresses behind them, by those they begin at. (A
// kernel that has read a piece of a weight knows no more of it than where it lies: tensors, and
// what they are cut and cast into, hold their owner as something to let go of in the end. To hand
// the file itself down to it would need a place for it in buffers, tensors and each packing task.)
class Mappings {
 public:
  static Mappings& All() {
    static auto* all = new Mappings;  // files may outlive static objects
    return *all;
  }
  void Add(const std::byte* data, size_t size) {
    const absl::MutexLock lock(&mutex_);
    ends_.emplace(data, data + size);
  }
  void Remove(const std::byte* data) {
    const absl::MutexLock lock(&mutex_);
    ends_.erase(data);
  }
  bool Hold(const std::byte* data, size_t bytes) const {
    const absl::MutexLock lock(&mutex_);
    const auto after = ends_.upper_bound(data);
    return after != ends_.begin() && data + bytes <= std::prev(after)->second;
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<const std::byte*, const std::byte*> ends_ ABSL_GUARDED_BY(mutex_);
};

size_t PageBytes() {
  static const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return page;
}

int OpenForReading(const std::string& path) {
  return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

}  // namespace

bool FileExists(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit) {
  const Descriptor file(OpenForReading(path));
  WEFT_ASSIGN_OR_RETURN(const size_t size, CheckRegular(path, file.get()));
  if (size > limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat("\"", path, "\": holds ", size, " bytes, more than the ", limit, " allowed"));
  }
  std::string contents(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got = read(file.get(), contents.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed(path, "cannot be read", errno);
    if (got == 0) break;  // shrank meanwhile
    done += static_cast<size_t>(got);
  }
  contents.resize(done);
  return contents;
}

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  const Descriptor descriptor(OpenForReading(path));
  WEFT_ASSIGN_OR_RETURN(const size_t size, CheckRegular(path, descriptor.get()));
  std::shared_ptr<MappedFile> file(new MappedFile);
  if (size > 0) {
    void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.get(), 0);
    if (data == MAP_FAILED) return Failed(path, "cannot be mapped", errno);
    file->data_ = static_cast<const std::byte*>(data);
    file->size_ = size;
    Mappings::All().Add(file->data_, size);
  }
  return std::shared_ptr<const MappedFile>(std::move(file));
}

std::shared_ptr<const MappedFile> MappedFile::Of(absl::string_view bytes) {
  std::shared_ptr<MappedFile> file(new MappedFile);
  if (bytes.empty()) return file;
  file->copy_ = std::make_unique<std::byte[]>(bytes.size());
  std::memcpy(file->copy_.get(), bytes.data(), bytes.size());
  file->data_ = file->copy_.get();
  file->size_ = bytes.size();
  return file;
}

std::shared_ptr<const void> MappedFile::Lend(std::shared_ptr<const MappedFile> file,
                                             const std::byte* data, size_t bytes) {
  return std::shared_ptr<const void>(data, [file = std::move(file), bytes](const void* lent) {
    file->DropPages(static_cast<const std::byte*>(lent), bytes);
  });
}

void MappedFile::DropPages(const std::byte* data, size_t bytes) const {
  if (data_ == nullptr || copy_ != nullptr) return;
  // Whole pages, and those that neighbours share: these come back when they are read.
  const size_t page = PageBytes();
  const size_t begin = static_cast<size_t>(data - data_) / page * page;
  const size_t end = std::min(size_, static_cast<size_t>(data - data_) + bytes);
  madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

void MappedFile::HaveBeenRead(const std::byte* data, size_t bytes) {
  const auto address = reinterpret_cast<uintptr_t>(data);
  const uintptr_t begin = (address + PageBytes() - 1) / PageBytes() * PageBytes();
  const uintptr_t end = (address + bytes) / PageBytes() * PageBytes();
  // Memory that is no file's would lose what it holds.
  if (begin >= end || !Mappings::All().Hold(data, bytes)) return;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (data_ == nullptr || copy_ != nullptr) return;
  Mappings::All().Remove(data_);
  munmap(const_cast<std::byte*>(data_), size_);
}

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path) {
  AtomicFile file;
  file.path_ = path;
  struct stat info = {};
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    if (S_ISDIR(info.st_mode)) {
      return Invalid("\"", path, "\": cannot be written: is a folder");
    }
    file.descriptor_ = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file.descriptor_ < 0) return Failed(path, "cannot be written", errno);
    return file;
  }
  // A short name of its own: the target's name may be as long as names can be.
  static std::atomic<uint64_t> serial{0};
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const std::string name = absl::StrCat(".weft-", getpid(), "-", serial.fetch_add(1), ".tmp");
  file.temporary_ = (folder / name).string();
  file.descriptor_ = open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file.descriptor_ < 0) {
    const int error = errno;
    file.temporary_.clear();
    return Failed(path, "cannot be written", error);
  }
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, std::string())) {}

AtomicFile::~AtomicFile() { Discard(); }

void AtomicFile::Discard() {
  if (descriptor_ >= 0) close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) unlink(std::exchange(temporary_, std::string()).c_str());
}

absl::Status AtomicFile::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    // Linux writes at most 2 GiB at once.
    const ssize_t put = write(descriptor_, bytes.data(), std::min(bytes.size(), size_t{1} << 30));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      const int error = put < 0 ? errno : ENOSPC;
      Discard();
      return Failed(path_, "cannot be written", error);
    }
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::Commit() {
  if (descriptor_ < 0) return Invalid("\"", path_, "\": nothing is open to be kept");
  // Some file systems report a full disk only here.
  if (close(std::exchange(descriptor_, -1)) != 0) {
    const int error = errno;
    Discard();
    return Failed(path_, "cannot be written", error);
  }
  if (temporary_.empty()) return absl::OkStatus();
  if (rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    Discard();
    return Failed(path_, "cannot be written", error);
  }
  temporary_.clear();
  return absl::OkStatus();
}

absl::Status WriteFile(const std::string& path, absl::string_view contents) {
  WEFT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  WEFT_RETURN_IF_ERROR(file.Write(contents));
  return file.Commit();
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (std::error_code ignored; !error || std::filesystem::is_directory(path, ignored)) {
    return absl::OkStatus();
  }
  return Failed(path, "cannot be made a folder", error.value());
}

}  // namespace weft
