#ifndef WEFT_NODES_TEXT_CHUNKS_H_
#define WEFT_NODES_TEXT_CHUNKS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "nodes/text/tokenizer.h"

namespace weft {

// Where to cut a text of word_ends.back() ids into chunks of at most `capacity`: the end of each
// chunk. It is cut between words; only a word that fits in no chunk is itself cut. There is at
// least one chunk, which may be empty.
std::vector<size_t> CutBetweenWords(absl::Span<const size_t> word_ends, size_t capacity);

// The rows that a text encoder takes, one behind the other: begin, the chunk's ids, end, padding
// up to the tokenizer's length. `ends` are the ends of chunks; ids behind the last are dropped.
std::vector<int32_t> LayOutChunks(const Tokenizer& tokenizer, absl::Span<const int32_t> ids,
                                  absl::Span<const size_t> ends);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_CHUNKS_H_
