// Tokenize: a text as the ids that a text encoder takes,
//   tokens = begin, ids of the text, end, padding up to the tokenizer's length (77 of CLIP).
// A longer text becomes several such chunks, cut between words.

#include <utility>

#include "nodes/text/text_tokens.h"
#include "nodes/text/tokens.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr In<Tokenizer> kTokenizer{.name = "tokenizer", .doc = "Of the model, from LoadModel"};
constexpr In<Text> kText{.name = "text", .doc = "What to draw"};
constexpr In<bool> kTruncate{
    .name = "truncate",
    .doc =
        "Cuts off what does not fit into one chunk, as diffusers does, instead of making several",
    .fallback = false};
constexpr Out<Tokens> kTokens{.name = "tokens", .doc = "Token ids, chunk behind chunk"};

absl::Status Run(NodeContext& ctx) {
  const auto rows = TokenizeText(ctx, *ctx.Get(kTokenizer), ctx.Get(kText), ctx.Get(kTruncate));
  if (!rows.ok()) return ctx.PortError(kText, rows.status().message());
  WEFT_ASSIGN_OR_RETURN(Tensor tokens, TokenTensor(ctx, *rows, 1));
  ctx.Set(kTokens, std::move(tokens));
  return absl::OkStatus();
}

}  // namespace

NodeType TokenizeNode() {
  return NodeType{Contract{.type = "Tokenize",
                           .doc = "A text as token ids: begin, text, end, padding; a text that is "
                                  "too long for one chunk is cut between words.",
                           .category = "text",
                           .inputs = {kTokenizer, kText, kTruncate},
                           .outputs = {kTokens}},
                  Run};
}

}  // namespace weft
