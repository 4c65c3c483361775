#ifndef WEFT_RUNTIME_WEIGHTS_SAFETENSORS_STREAM_H_
#define WEFT_RUNTIME_WEIGHTS_SAFETENSORS_STREAM_H_

#include <optional>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "runtime/weights/weight.h"

namespace weft {

struct StreamOptions {
  std::optional<DType> dtype;  // that float tensors are converted to; none: as they are stored
  bool zstd = false;           // compressed: the path should end in .safetensors.zst
};

// Writes weights under their names, tensor by tensor: no more than one is in memory at a time. The
// file appears whole or not at all. An error where a number does not fit: f16 ends at 65504.
absl::Status StreamSafetensors(const std::string& path,
                               const absl::btree_map<std::string, Weight>& weights,
                               const StreamOptions& options);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_SAFETENSORS_STREAM_H_
