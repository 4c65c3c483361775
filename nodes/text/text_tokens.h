#ifndef WEFT_NODES_TEXT_TEXT_TOKENS_H_
#define WEFT_NODES_TEXT_TEXT_TOKENS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nodes/text/tokenizer.h"
#include "runtime/graph/node.h"

namespace weft {

// A text as the rows that a text encoder takes, chunk behind chunk; with `truncate` the first chunk
// alone. Says in notices what was cut and which words the model does not know. Error: not UTF-8.
absl::StatusOr<std::vector<int32_t>> TokenizeText(const NodeContext& ctx,
                                                  const Tokenizer& tokenizer,
                                                  const std::string& text, bool truncate);

// The notice about words that the model was not trained on.
void NotifyOfWords(const NodeContext& ctx, const Tokenizer& tokenizer,
                   const Tokenizer::Encoded& encoded);

// Rows of ids as a tensor [count, ids of a row].
absl::StatusOr<Tensor> TokenTensor(const NodeContext& ctx, const std::vector<int32_t>& rows,
                                   int64_t count);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_TEXT_TOKENS_H_
