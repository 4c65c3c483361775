// Chunks without a word behind those of a text, until it has as many as another's: the two encoders
// of SDXL must give equally many hidden states, and two prompts may be of different length.

#include <algorithm>
#include <utility>
#include <vector>

#include "nodes/text/chunks.h"
#include "nodes/text/tokenizer.h"
#include "nodes/text/tokens.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Tokenizer> kTokenizer{.name = "tokenizer", .doc = "That made the tokens."};
constexpr In<Tokens> kTokens{.name = "tokens", .doc = "From Tokenize."};
constexpr In<Tokens> kLike{.name = "like", .doc = "Those whose length to reach."};
constexpr Out<Tokens> kOut{.name = "tokens", .doc = "At least as many as `like`; none is cut off."};

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Tokenizer> tokenizer = ctx.Get(kTokenizer);
  const Tensor tokens = ctx.Get(kTokens);
  for (const In<Tokens>& port : {kTokens, kLike}) {
    const Tensor given = ctx.Get(port);
    if (given.rank() != 2 || given.dtype() != DType::kI32 || given.numel() == 0) {
      return ctx.PortError(port, "expected token ids [batch, tokens] i32, got ",
                           given.shape().ToString(), " ", Name(given.dtype()));
    }
  }
  const int64_t wanted = ctx.Get(kLike).dim(1);
  const int64_t count = tokens.dim(1);
  if (count >= wanted) {
    ctx.Set(kOut, tokens);
    return absl::OkStatus();
  }
  // A chunk of no words, so many times that the row is long enough.
  const int64_t length = tokenizer->max_length();
  const int64_t chunks = (wanted - count + length - 1) / length;
  const std::vector<int32_t> padding =
      LayOutChunks(*tokenizer, {}, std::vector<size_t>(static_cast<size_t>(chunks), 0));
  const auto added = static_cast<int64_t>(padding.size());
  WEFT_ASSIGN_OR_RETURN(Tensor padded, Tensor::Allocate(ctx.allocator(), DType::kI32,
                                                        {tokens.dim(0), count + added}));
  if (!padded.is_meta()) {
    int32_t* to = padded.mutable_data<int32_t>();
    for (int64_t b = 0; b < tokens.dim(0); ++b) {
      to = std::copy_n(tokens.data<int32_t>() + b * count, count, to);
      to = std::copy(padding.begin(), padding.end(), to);
    }
  }
  ctx.Set(kOut, std::move(padded));
  return absl::OkStatus();
}

}  // namespace

NodeType PadTokensNode() {
  return {Contract{.type = "PadTokens",
                   .doc = "Empty chunks behind those of a text, until it is as long as another "
                          "encoder's.",
                   .category = "text",
                   .inputs = {kTokenizer, kTokens, kLike},
                   .outputs = {kOut}},
          Run};
}

}  // namespace weft
