#ifndef WEFT_RUNTIME_WEIGHTS_SAFETENSORS_H_
#define WEFT_RUNTIME_WEIGHTS_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/weights/stored_type.h"
#include "runtime/weights/weight_file.h"

namespace weft {

// A safetensors file: 8 bytes, little-endian: the header's length; the header: a JSON object
//   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, "__metadata__": {…}}
// then the data, which the tensors cover without gap or overlap.
// Source: github.com/huggingface/safetensors.
struct SafetensorsEntry {
  std::string name;
  StoredType type = StoredType::kF32;
  Shape shape;
  size_t begin = 0;  // within the data
  size_t end = 0;
};
struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // by their place in the file
  absl::btree_map<std::string, std::string> metadata;
  size_t data_bytes = 0;  // that the entries cover
};

inline constexpr size_t kSafetensorsPrefix = 8;
inline constexpr size_t kLongestSafetensorsHeader = size_t{32} << 20;

// The header's length from the first eight bytes, checked against the limit above.
absl::StatusOr<size_t> SafetensorsHeaderLength(absl::string_view prefix);
// Checks everything that can be known without the data.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view json);

// A safetensors file that can be read by tensor: its tensors' numbers are positions in entries().
class SafetensorsFile : public ListedWeightFile {
 public:
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }

 protected:
  SafetensorsFile(std::string path, std::string format, SafetensorsHeader header);

 private:
  std::vector<SafetensorsEntry> entries_;
};

// A safetensors file as it lies on disk; its tensors are windows on the mapping. Errors leave the
// path to the caller, OpenWeightFile.
absl::StatusOr<std::shared_ptr<const SafetensorsFile>> OpenSafetensors(
    const std::string& path, std::shared_ptr<const MappedFile> file);

// Writes tensors (not on kMeta) under their names. The file appears whole or not at all.
absl::Status WriteSafetensors(const std::string& path,
                              const absl::btree_map<std::string, Tensor>& tensors,
                              const absl::btree_map<std::string, std::string>& metadata = {});

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_SAFETENSORS_H_
