#ifndef WEFT_RUNTIME_WEIGHTS_ZSTD_SAFETENSORS_H_
#define WEFT_RUNTIME_WEIGHTS_ZSTD_SAFETENSORS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/weights/safetensors.h"

namespace weft {

// A safetensors file compressed with zstd (one frame or several). Opening decompresses the header
// alone. A tensor is decompressed when it is asked for; the tensors passed on the way to it are
// kept until they are asked for in turn, so that a model that reads each tensor once decompresses
// the file once, and nothing decompressed outlives its use. A second request for the same tensor
// decompresses from the start again.
// Errors leave the path to the caller, OpenWeightFile.
absl::StatusOr<std::shared_ptr<const SafetensorsFile>> OpenZstdSafetensors(
    const std::string& path, std::shared_ptr<const MappedFile> file);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_ZSTD_SAFETENSORS_H_
