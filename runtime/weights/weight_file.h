#ifndef WEFT_RUNTIME_WEIGHTS_WEIGHT_FILE_H_
#define WEFT_RUNTIME_WEIGHTS_WEIGHT_FILE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "runtime/base/file.h"
#include "runtime/weights/weight.h"

namespace weft {

// One tensor of a file, as the file's header describes it.
struct StoredTensor {
  std::string name;
  std::string type;           // as it is stored: "F16", "Q4_K"
  DType dtype = DType::kF32;  // as it is read
  Shape shape;
  size_t bytes = 0;  // in the file, decompressed
};

// What a file tells about itself before any tensor is read.
struct WeightListing {
  std::string format;                 // "safetensors", "GGUF"
  std::vector<StoredTensor> tensors;  // in the order of Read's positions
  absl::btree_map<std::string, std::string> metadata;
  // What a user may want to know and no reader needs to: sentences such as "holds besides its
  // tensors: epoch, optimizer_states".
  std::vector<std::string> notices;
};

// A file of tensors on disk, whatever its format.
class ListedWeightFile : public WeightFile {
 public:
  const std::string& path() const override { return path_; }
  const std::string& format() const { return listing_.format; }
  const std::vector<StoredTensor>& tensors() const { return listing_.tensors; }
  const absl::btree_map<std::string, std::string>& metadata() const { return listing_.metadata; }
  const std::vector<std::string>& notices() const { return listing_.notices; }

 protected:
  ListedWeightFile(std::string path, WeightListing listing)
      : path_(std::move(path)), listing_(std::move(listing)) {}

 private:
  std::string path_;
  WeightListing listing_;
};

// Opens any weight file that is known. What it is, its first bytes say, not its name. Errors begin
// with the quoted path.
absl::StatusOr<std::shared_ptr<const ListedWeightFile>> OpenWeightFile(const std::string& path);
// The same from bytes that are there already; `path` is for errors.
absl::StatusOr<std::shared_ptr<const ListedWeightFile>> OpenWeightFile(
    const std::string& path, std::shared_ptr<const MappedFile> file);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_WEIGHT_FILE_H_
