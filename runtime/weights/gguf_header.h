#ifndef WEFT_RUNTIME_WEIGHTS_GGUF_HEADER_H_
#define WEFT_RUNTIME_WEIGHTS_GGUF_HEADER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/weights/gguf_type.h"

namespace weft {

struct GgufTensor {
  std::string name;
  const GgufType* type = nullptr;
  Shape shape;       // outermost extent first
  size_t begin = 0;  // in the file
  size_t bytes = 0;
};

struct GgufHeader {
  std::vector<GgufTensor> tensors;
  absl::btree_map<std::string, std::string> metadata;  // lists as "[1, 2]", long ones as a count
};

// Checks everything: `file` is the whole file, and every tensor lies within it, apart from others.
absl::StatusOr<GgufHeader> ParseGguf(absl::string_view file);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_GGUF_HEADER_H_
