#ifndef WEFT_RUNTIME_BASE_UNNAMED_FILE_H_
#define WEFT_RUNTIME_BASE_UNNAMED_FILE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"

namespace weft {

// A file to put aside what memory should not hold: below TMPDIR, or else where large temporary
// files belong. It goes away with its last user, and when the process ends in whatever way.
class UnnamedFile {
 public:
  static absl::StatusOr<UnnamedFile> Create();
  UnnamedFile(UnnamedFile&& other) noexcept;
  UnnamedFile& operator=(UnnamedFile&&) = delete;
  ~UnnamedFile();

  absl::Status Write(absl::string_view bytes);
  // All that has been written.
  absl::StatusOr<std::shared_ptr<const MappedFile>> Map() const;

 private:
  explicit UnnamedFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_BASE_UNNAMED_FILE_H_
