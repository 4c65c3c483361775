// Tokenize: a text as the ids that a text encoder takes,
//   tokens = begin, ids of the text, end, padding up to the tokenizer's length (77 of CLIP).
// A longer text becomes several such chunks, cut between words.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nodes/text/chunks.h"
#include "nodes/text/tokenizer.h"
#include "nodes/text/tokens.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

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

constexpr size_t kListedWords = 48;

// The first words of a list, and how many more there are.
std::string Listed(const std::vector<std::string>& words) {
  const size_t shown = std::min(words.size(), kListedWords);
  std::string list = absl::StrJoin(words.begin(), words.begin() + shown, ", ");
  if (shown < words.size()) absl::StrAppend(&list, " and ", words.size() - shown, " more");
  return list;
}

void Notify(const NodeContext& ctx, const Tokenizer& tokenizer, const Tokenizer::Encoded& encoded,
            const std::vector<size_t>& ends) {
  if (ends.size() > 1) {
    ctx.Notice(absl::StrCat("prompt has ", encoded.ids.size(), " tokens: encoded as ", ends.size(),
                            " chunks of ", tokenizer.max_length()));
  } else if (ends.back() < encoded.ids.size()) {
    const absl::Span<const int32_t> cut = absl::MakeConstSpan(encoded.ids).subspan(ends.back());
    ctx.Notice(absl::StrCat("prompt has ", encoded.ids.size(), " tokens, of which ", ends.back(),
                            " fit: cut off ", Quoted(tokenizer.Decode(cut))));
  }
  if (const auto unknown = tokenizer.UnknownWords(encoded); !unknown.empty()) {
    ctx.Notice(absl::StrCat("the model does not know: ", Listed(unknown),
                            "; it was trained on: ", Listed(tokenizer.known_words())));
  }
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Tokenizer> tokenizer = ctx.Get(kTokenizer);
  const absl::StatusOr<Tokenizer::Encoded> encoded = tokenizer->Encode(ctx.Get(kText));
  if (!encoded.ok()) return ctx.PortError(kText, encoded.status().message());
  const auto capacity = static_cast<size_t>(tokenizer->max_length() - 2);  // begin and end
  const std::vector<size_t> ends = ctx.Get(kTruncate)
                                       ? std::vector{std::min(encoded->ids.size(), capacity)}
                                       : CutBetweenWords(encoded->word_ends, capacity);
  if (!ctx.dry_run()) Notify(ctx, *tokenizer, *encoded, ends);
  const std::vector<int32_t> rows = LayOutChunks(*tokenizer, encoded->ids, ends);
  WEFT_ASSIGN_OR_RETURN(
      Tensor tokens,
      Tensor::Allocate(ctx.allocator(), DType::kI32, Shape{1, static_cast<int64_t>(rows.size())}));
  if (!tokens.is_meta()) std::copy(rows.begin(), rows.end(), tokens.mutable_data<int32_t>());
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
