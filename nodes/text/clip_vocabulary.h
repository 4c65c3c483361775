#ifndef WEFT_NODES_TEXT_CLIP_VOCABULARY_H_
#define WEFT_NODES_TEXT_CLIP_VOCABULARY_H_

#include <cstddef>
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

// Beside these merges its 49,408 tokens are the 256 bytes, alone and at a word's end, and the two
// that begin and end a text.
inline constexpr size_t kClipMerges = 48894;

// A tokenizer of that vocabulary: 49,408 ids, 77 of them a text. `pad` is a token of it:
// "<|endoftext|>", or "!" for SD 2 and SDXL's second tokenizer. `merges` is how many the file must
// have at least; what follows them is not CLIP's and is left out.
absl::StatusOr<TokenizerFiles> ClipTokenizerFiles(const std::string& vocabulary_file,
                                                  absl::string_view pad,
                                                  size_t merges = kClipMerges);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_CLIP_VOCABULARY_H_
