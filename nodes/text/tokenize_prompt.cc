// A prompt with syntax as token ids: each of the texts that it stands for (see prompt_syntax.h), a
// row for each chunk; and what the syntax says about them, for ApplyPrompt. A plain prompt is
// tokenized as Tokenize does it.

#include <utility>

#include "nodes/text/prompt.h"
#include "nodes/text/prompt_syntax.h"
#include "nodes/text/prompt_tokens.h"
#include "nodes/text/text_tokens.h"
#include "nodes/text/tokens.h"
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

// Rows of a text without syntax.
absl::Status RunPlain(NodeContext& ctx, const Tokenizer& tokenizer) {
  const auto rows = TokenizeText(ctx, tokenizer, ctx.Get(kText), ctx.Get(kTruncate));
  if (!rows.ok()) return ctx.PortError(kText, rows.status().message());
  WEFT_ASSIGN_OR_RETURN(Tensor tokens, TokenTensor(ctx, *rows, 1));
  ctx.Set(kTokens, std::move(tokens));
  ctx.Set(kPrompt, std::make_shared<const Prompt>());
  return absl::OkStatus();
}

absl::Status RunWeighted(NodeContext& ctx, const Tokenizer& tokenizer) {
  const absl::StatusOr<std::vector<PromptText>> texts = ParsePrompt(ctx.Get(kText));
  if (!texts.ok()) return ctx.PortError(kText, texts.status().message());
  const absl::StatusOr<PromptTokens> prompt = TokenizePrompt(
      tokenizer, *texts, TokenWeightingFromName(ctx.Get(kWeighting)), ctx.Get(kTruncate));
  if (!prompt.ok()) return ctx.PortError(kText, prompt.status().message());
  if (!ctx.dry_run()) NotifyOfWords(ctx, tokenizer, prompt->words);
  WEFT_ASSIGN_OR_RETURN(Tensor tokens, TokenTensor(ctx, prompt->rows, prompt->prompt->rows()));
  ctx.Set(kTokens, std::move(tokens));
  ctx.Set(kPrompt, prompt->prompt);
  return absl::OkStatus();
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Tokenizer> tokenizer = ctx.Get(kTokenizer);
  return ctx.Get(kSyntax) == "plain" ? RunPlain(ctx, *tokenizer) : RunWeighted(ctx, *tokenizer);
}

}  // namespace

NodeType TokenizePromptNode() {
  return NodeType{
      Contract{.type = "TokenizePrompt",
               .doc = "A prompt as token ids, and what its syntax says about them: weights, BREAK, "
                      "schedules and AND as in AUTOMATIC1111's web UI.",
               .category = "text",
               .inputs = {kTokenizer, kText, kTruncate, kSyntax, kWeighting},
               .outputs = {kTokens, kPrompt}},
      Run};
}

}  // namespace weft
