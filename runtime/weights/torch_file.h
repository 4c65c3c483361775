#ifndef WEFT_RUNTIME_WEIGHTS_TORCH_FILE_H_
#define WEFT_RUNTIME_WEIGHTS_TORCH_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/weights/weight_file.h"

namespace weft {

// Files of torch.save: .ckpt, .pt, .pth, .bin. Since PyTorch 1.6 a zip archive:
//   NAME/data.pkl     the pickle, whose persistent ids name storages
//   NAME/data/0, …    the storages' bytes
//   NAME/byteorder    "little" or "big" (since 2.1)
// and before that several pickles in a row (a magic number, a version, the system, the object, the
// storages' keys), then each storage: its number of elements in 8 bytes, and they, little-endian.
// Source: torch/serialization.py.
//
// Nothing in them is ever run (pickle.h). Dense tensors are windows on the mapping where alignment
// allows, other views are gathered as they are read.
bool IsLegacyTorch(absl::string_view bytes);

// Errors leave the path to the caller, OpenWeightFile.
absl::StatusOr<std::shared_ptr<const ListedWeightFile>> OpenTorchZip(
    const std::string& path, std::shared_ptr<const MappedFile> file);
absl::StatusOr<std::shared_ptr<const ListedWeightFile>> OpenLegacyTorch(
    const std::string& path, std::shared_ptr<const MappedFile> file);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_TORCH_FILE_H_
