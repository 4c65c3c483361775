#include "runtime/base/unnamed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace weft {

absl::StatusOr<UnnamedFile> UnnamedFile::Create() {
  std::vector<std::string> folders;
  if (const char* chosen = std::getenv("TMPDIR"); chosen != nullptr) folders.emplace_back(chosen);
  folders.insert(folders.end(), {"/var/tmp", "/tmp"});
  absl::Status status;
  for (const std::string& folder : folders) {
    std::string path = absl::StrCat(folder, "/weft-XXXXXX");
    const int descriptor = mkostemp(path.data(), O_CLOEXEC);
    if (descriptor >= 0) {
      unlink(path.c_str());
      return UnnamedFile(descriptor);
    }
    status = absl::ErrnoToStatus(errno, absl::StrCat("\"", path, "\": cannot be written"));
  }
  return status;
}

UnnamedFile::UnnamedFile(UnnamedFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

UnnamedFile::~UnnamedFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status UnnamedFile::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    // Linux writes at most 2 GiB at once.
    const ssize_t put = write(descriptor_, bytes.data(), std::min(bytes.size(), size_t{1} << 30));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      return absl::ErrnoToStatus(put < 0 ? errno : ENOSPC, "a temporary file cannot be written");
    }
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const MappedFile>> UnnamedFile::Map() const {
  return MappedFile::Open(absl::StrCat("/proc/self/fd/", descriptor_));
}

}  // namespace weft
