#ifndef WEFT_NODES_MODELS_CHECKPOINT_FILE_H_
#define WEFT_NODES_MODELS_CHECKPOINT_FILE_H_

#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "nodes/models/layouts.h"

namespace weft {

// The tensors of a single file, told apart by what their names begin with.
struct FileParts {
  absl::btree_map<std::string, NamedWeights> parts;  // names without the prefix
  std::vector<std::string> unused;
  std::vector<std::string> set_aside;  // known and not needed
  bool bare = false;                   // one part alone, its names without any prefix
};
FileParts SplitFile(const NamedWeights& file);

// Names of original repositories, rather than diffusers'.
bool IsOriginalUnet(const NamedWeights& unet);
bool IsOriginalVae(const NamedWeights& vae);
bool IsOpenClip(const NamedWeights& text);

}  // namespace weft

#endif  // WEFT_NODES_MODELS_CHECKPOINT_FILE_H_
