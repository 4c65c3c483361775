#ifndef WEFT_NODES_IO_CONVERT_MODEL_H_
#define WEFT_NODES_IO_CONVERT_MODEL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "nodes/models/checkpoint.h"
#include "runtime/weights/safetensors_stream.h"

namespace weft {

struct ConvertOptions {
  StreamOptions stream;
  std::vector<std::string> model_folders;  // where CLIP's vocabulary is looked for
};

// Writes a checkpoint as a folder that diffusers loads: weights, configurations, tokenizers,
// scheduler and model_index.json. The folder, which must not be there yet, appears whole or not at
// all.
absl::Status WriteDiffusersFolder(const Checkpoint& checkpoint, const std::string& folder,
                                  const ConvertOptions& options);

// Writes a checkpoint as one file under the original repositories' names, which diffusers reads
// with from_single_file. It holds no configuration, tokenizer or scheduler.
absl::Status WriteSingleFile(const Checkpoint& checkpoint, const std::string& path,
                             const ConvertOptions& options);

}  // namespace weft

#endif  // WEFT_NODES_IO_CONVERT_MODEL_H_
