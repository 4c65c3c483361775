#ifndef WEFT_NODES_TEXT_CLIP_VOCABULARY_H_
#define WEFT_NODES_TEXT_CLIP_VOCABULARY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nodes/text/tokenizer_files.h"

namespace weft {

// The vocabulary that all of Stable Diffusion's text encoders were trained with, for checkpoints
// that come without a tokenizer. CLIP publishes it as a list of merges,
// bpe_simple_vocab_16e6.txt(.gz); ids follow from their order (clip/simple_tokenizer.py).

// Where it is found below a folder of models.
inline constexpr absl::string_view kClipVocabularyFile =
    "clip_vocabulary/bpe_simple_vocab_16e6.txt";

// The file that the environment variable WEFT_CLIP_VOCABULARY names, or the first there is below
// `model_folders`. NOT_FOUND says what to do.
absl::StatusOr<std::string> FindClipVocabulary(const std::vector<std::string>& model_folders);

// A tokenizer of that vocabulary: 49,408 ids, 77 of them a text. `pad` is a token of it:
// "<|endoftext|>", or "!" for SD 2 and SDXL's second tokenizer.
absl::StatusOr<TokenizerFiles> ClipTokenizerFiles(const std::string& vocabulary_file,
                                                  absl::string_view pad);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_CLIP_VOCABULARY_H_
