#ifndef WEFT_NODES_TEXT_BYTE_PAIR_ENCODING_H_
#define WEFT_NODES_TEXT_BYTE_PAIR_ENCODING_H_

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace weft {

// Token → id.
using Vocabulary = absl::flat_hash_map<std::string, int32_t>;
// Left and right halves, the commonest pair first.
using Merges = std::vector<std::pair<std::string, std::string>>;

// Byte pair encoding (Sennrich et al. 2016) over the bytes of a word, as GPT-2 and CLIP do it: the
// vocabulary writes each byte as one printable letter, and "</w>" behind the last of a word.
class BytePairEncoding {
 public:
  // `unknown` stands for bytes that the vocabulary lacks. Errors: a merge that names a token the
  // vocabulary lacks, a byte that can't be written.
  static absl::StatusOr<BytePairEncoding> Create(const Vocabulary& vocabulary, const Merges& merges,
                                                 absl::string_view unknown);

  // Appends the ids of one word. Time is n log n in its length.
  void Encode(absl::string_view word, std::vector<int32_t>* ids) const;

 private:
  struct Merge {
    int32_t rank;  // lower is done earlier
    int32_t id;    // of the joined token
  };
  BytePairEncoding() = default;
  const Merge* Find(int32_t left, int32_t right) const;

  std::array<int32_t, 256> inner_;  // ids of single bytes
  std::array<int32_t, 256> last_;   // ids of single bytes with "</w>"
  absl::flat_hash_map<std::pair<int32_t, int32_t>, Merge> merges_;
};

// How the vocabulary writes a byte, in UTF-8.
std::string ByteSymbol(uint8_t byte);

// The text that `token` stands for, as bytes; "</w>" becomes a space.
std::string TokenText(absl::string_view token);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_BYTE_PAIR_ENCODING_H_
