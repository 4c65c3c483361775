#ifndef WEFT_RUNTIME_WEIGHTS_ZIP_ARCHIVE_H_
#define WEFT_RUNTIME_WEIGHTS_ZIP_ARCHIVE_H_

#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace weft {

// The members of a zip archive whose members are stored, not compressed: names and windows on
// `bytes`. Knows zip64. A compressed or encrypted member is an error, as torch.save writes none.
// Checksums are not computed, for checkpoints are large, and mapped rather than read through.
// Source: PKWARE's APPNOTE 6.3.
absl::StatusOr<absl::btree_map<std::string, absl::string_view>> ReadStoredZip(
    absl::string_view bytes);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_ZIP_ARCHIVE_H_
