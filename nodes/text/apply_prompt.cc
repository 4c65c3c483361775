// The entries of a conditioning as the syntax of a prompt has them: token weights, weights beside
// each other, and the steps in which they hold.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "nodes/text/conditioning.h"
#include "nodes/text/prompt.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Conditioning> kEncoded{
    .name = "conditioning", .doc = "The tokens of the prompt, encoded, before any other change."};
constexpr In<Prompt> kPrompt{.name = "prompt",
                             .doc = "From TokenizePrompt; of a plain text it changes nothing."};
constexpr Out<Conditioning> kConditioning{.name = "conditioning",
                                          .doc = "An entry for each text of the prompt."};

// A copy of rows begin..end of x [rows, tokens, width] as [1, n, width], each row weighted.
absl::StatusOr<Tensor> WeightedRows(const Tensor& x, const Prompt& prompt, const Prompt::Text& text,
                                    const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(Tensor rows, x.Rows(text.first_row, text.first_row + text.rows));
  const int64_t tokens = x.dim(1);
  const Shape shape{1, text.rows * tokens, x.dim(2)};
  if (text.token_weights.empty()) return rows.Reshape(shape);
  WEFT_ASSIGN_OR_RETURN(Tensor weighted, Tensor::Allocate(allocator, DType::kF32, shape));
  if (weighted.is_meta() || rows.is_meta()) return weighted;
  std::copy_n(rows.data<float>(), rows.numel(), weighted.mutable_data<float>());
  const int64_t chunk = tokens * x.dim(2);
  const float* empty = prompt.weighting() == TokenWeighting::kInterpolate
                           ? x.data<float>() + prompt.empty_row() * chunk
                           : nullptr;
  for (int64_t i = 0; i < text.rows; ++i) {
    const auto weights = absl::MakeConstSpan(text.token_weights)
                             .subspan(static_cast<size_t>(i * tokens), static_cast<size_t>(tokens));
    WeightTokens({weighted.mutable_data<float>() + i * chunk, static_cast<size_t>(chunk)}, weights,
                 empty, prompt.weighting());
  }
  return weighted;
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Prompt> prompt = ctx.Get(kPrompt);
  const std::shared_ptr<const Conditioning> encoded = ctx.Get(kEncoded);
  if (prompt->plain()) {
    ctx.Set(kConditioning, encoded);
    return absl::OkStatus();
  }
  if (encoded->entries().size() != 1) {
    return ctx.PortError(kEncoded, "has ", encoded->entries().size(),
                         " entries; expected the one that a text encoder gives");
  }
  const Conditioning::Entry& all = encoded->entries()[0];
  if (all.tokens.rank() != 3 || all.tokens.dim(0) != prompt->rows()) {
    return ctx.PortError(kEncoded, "is of ", all.tokens.rank() == 3 ? all.tokens.dim(0) : 0,
                         " rows of tokens, the prompt of ", prompt->rows(),
                         ": both must come from the same TokenizePrompt");
  }
  std::vector<Conditioning::Entry> entries;
  for (const Prompt::Text& text : prompt->texts()) {
    Conditioning::Entry entry = all;
    if (!text.token_weights.empty() &&
        static_cast<int64_t>(text.token_weights.size()) != text.rows * all.tokens.dim(1)) {
      return ctx.PortError(kEncoded, "has ", all.tokens.dim(1), " tokens a row; the prompt was ",
                           "made for rows of ",
                           static_cast<int64_t>(text.token_weights.size()) / text.rows);
    }
    WEFT_ASSIGN_OR_RETURN(entry.tokens, WeightedRows(all.tokens, *prompt, text, ctx.allocator()));
    if (!all.pooled.empty()) {
      // Of the first chunk, as without syntax.
      WEFT_ASSIGN_OR_RETURN(entry.pooled, all.pooled.Rows(text.first_row, text.first_row + 1));
    }
    entry.weight = text.weight;
    entry.steps = text.steps;
    entries.push_back(std::move(entry));
  }
  ctx.Set(kConditioning, std::make_shared<const Conditioning>(std::move(entries)));
  return absl::OkStatus();
}

}  // namespace

NodeType ApplyPromptNode() {
  return {Contract{.type = "ApplyPrompt",
                   .doc = "Gives encoded texts what the syntax of their prompt says: weights of "
                          "tokens and of texts, and the steps in which each text holds.",
                   .category = "text",
                   .inputs = {kEncoded, kPrompt},
                   .outputs = {kConditioning}},
          Run};
}

}  // namespace weft
