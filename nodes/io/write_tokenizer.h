#ifndef WEFT_NODES_IO_WRITE_TOKENIZER_H_
#define WEFT_NODES_IO_WRITE_TOKENIZER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace weft {

// A tokenizer folder as transformers' CLIPTokenizer reads it, of CLIP's vocabulary, which is looked
// for in `model_folders`.
absl::Status WriteClipTokenizer(const std::string& folder,
                                const std::vector<std::string>& model_folders,
                                absl::string_view pad);

}  // namespace weft

#endif  // WEFT_NODES_IO_WRITE_TOKENIZER_H_
