// Tokenize: a text as the ids that a text encoder takes,
//   tokens = begin, ids of the text, end, padding up to the tokenizer's length (77 of CLIP).
// A longer text becomes several such chunks, cut between words. With syntax "weighted" the text may
// stand for several texts with weights (see prompt_syntax.h), each chunk a row of its own.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nodes/text/chunks.h"
#include "nodes/text/prompt.h"
#include "nodes/text/prompt_syntax.h"
#include "nodes/text/prompt_tokens.h"
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
constexpr absl::string_view kSyntaxes[] = {"plain", "weighted"};
constexpr In<Text> kSyntax{
    .name = "syntax",
    .doc =
        "plain: every character is text. weighted: (word:1.2), (word), [word], BREAK, "
        "[from:to:when], [a|b] and AND :weight as in AUTOMATIC1111's web UI; \\( is a bracket",
    .fallback = "plain",
    .choices = kSyntaxes};
constexpr In<Text> kWeighting{
    .name = "weighting",
    .doc =
        "What a token's weight w does to its hidden state h. keep_mean: w·h, then the chunk's mean "
        "is restored (AUTOMATIC1111); multiply: w·h; interpolate: e + w·(h - e), e of the empty "
        "text (ComfyUI)",
    .fallback = "keep_mean",
    .choices = kTokenWeightingNames};
constexpr Out<Tokens> kTokens{
    .name = "tokens", .doc = "Token ids, chunk behind chunk; a row for each with syntax weighted"};
constexpr Out<Prompt> kPrompt{.name = "prompt",
                              .doc = "What the syntax says about the tokens, for ApplyPrompt"};

constexpr size_t kListedWords = 48;

// The first words of a list, and how many more there are.
std::string Listed(const std::vector<std::string>& words) {
  const size_t shown = std::min(words.size(), kListedWords);
  std::string list = absl::StrJoin(words.begin(), words.begin() + shown, ", ");
  if (shown < words.size()) absl::StrAppend(&list, " and ", words.size() - shown, " more");
  return list;
}

void NotifyOfWords(const NodeContext& ctx, const Tokenizer& tokenizer,
                   const Tokenizer::Encoded& encoded) {
  if (const auto unknown = tokenizer.UnknownWords(encoded); !unknown.empty()) {
    ctx.Notice(absl::StrCat("the model does not know: ", Listed(unknown),
                            "; it was trained on: ", Listed(tokenizer.known_words())));
  }
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
  NotifyOfWords(ctx, tokenizer, encoded);
}

absl::Status SetRows(NodeContext& ctx, const std::vector<int32_t>& rows, int64_t count) {
  const auto length = static_cast<int64_t>(rows.size()) / count;
  WEFT_ASSIGN_OR_RETURN(Tensor tokens,
                        Tensor::Allocate(ctx.allocator(), DType::kI32, Shape{count, length}));
  if (!tokens.is_meta()) std::copy(rows.begin(), rows.end(), tokens.mutable_data<int32_t>());
  ctx.Set(kTokens, std::move(tokens));
  return absl::OkStatus();
}

absl::Status RunPlain(NodeContext& ctx, const Tokenizer& tokenizer) {
  const absl::StatusOr<Tokenizer::Encoded> encoded = tokenizer.Encode(ctx.Get(kText));
  if (!encoded.ok()) return ctx.PortError(kText, encoded.status().message());
  const auto capacity = static_cast<size_t>(tokenizer.max_length() - 2);  // begin and end
  const std::vector<size_t> ends = ctx.Get(kTruncate)
                                       ? std::vector{std::min(encoded->ids.size(), capacity)}
                                       : CutBetweenWords(encoded->word_ends, capacity);
  if (!ctx.dry_run()) Notify(ctx, tokenizer, *encoded, ends);
  ctx.Set(kPrompt, std::make_shared<const Prompt>());
  return SetRows(ctx, LayOutChunks(tokenizer, encoded->ids, ends), 1);
}

absl::Status RunWeighted(NodeContext& ctx, const Tokenizer& tokenizer) {
  const absl::StatusOr<std::vector<PromptText>> texts = ParsePrompt(ctx.Get(kText));
  if (!texts.ok()) return ctx.PortError(kText, texts.status().message());
  absl::StatusOr<PromptTokens> tokens = TokenizePrompt(
      tokenizer, *texts, TokenWeightingFromName(ctx.Get(kWeighting)), ctx.Get(kTruncate));
  if (!tokens.ok()) return ctx.PortError(kText, tokens.status().message());
  if (!ctx.dry_run()) NotifyOfWords(ctx, tokenizer, tokens->words);
  ctx.Set(kPrompt, tokens->prompt);
  return SetRows(ctx, tokens->rows, tokens->prompt->rows());
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Tokenizer> tokenizer = ctx.Get(kTokenizer);
  return ctx.Get(kSyntax) == "plain" ? RunPlain(ctx, *tokenizer) : RunWeighted(ctx, *tokenizer);
}

}  // namespace

NodeType TokenizeNode() {
  return NodeType{Contract{.type = "Tokenize",
                           .doc = "A text as token ids: begin, text, end, padding; a text that is "
                                  "too long for one chunk is cut between words.",
                           .category = "text",
                           .inputs = {kTokenizer, kText, kTruncate, kSyntax, kWeighting},
                           .outputs = {kTokens, kPrompt}},
                  Run};
}

}  // namespace weft
