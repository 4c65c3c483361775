#ifndef WEFT_RUNTIME_WEIGHTS_GGUF_H_
#define WEFT_RUNTIME_WEIGHTS_GGUF_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/weights/weight_file.h"

namespace weft {

// A GGUF file, version 2 or 3, little-endian: "GGUF", the version, the numbers of tensors and of
// metadata, the metadata, the tensors' names, shapes (innermost extent first), types and offsets,
// then their data. Source: ggml's docs/gguf.md.
//
// Blocks of small integers are turned into f32 as they are read, not f16: that is what the gguf
// package gives, layers convert once more to what they compute in, and f16 would round and might
// overflow on the way there. Plain types are windows on the mapping.
bool IsGguf(absl::string_view bytes);

// Errors leave the path to the caller, OpenWeightFile.
absl::StatusOr<std::shared_ptr<const ListedWeightFile>> OpenGguf(
    const std::string& path, std::shared_ptr<const MappedFile> file);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_GGUF_H_
