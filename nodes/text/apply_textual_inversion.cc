// ApplyTextualInversion: a learned word becomes a token of the tokenizer, and its vectors rows
// behind the text encoder's table.

#include <cstring>

#include "absl/strings/str_cat.h"
#include "nodes/models/parts.h"
#include "nodes/text/text_embedding.h"
#include "nodes/text/tokenizer.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<TextEmbedding> kEmbedding{.name = "embedding", .doc = "From LoadEmbedding."};
constexpr In<Tokenizer> kTokenizer{.name = "tokenizer", .doc = "Of the model.", .optional = true};
constexpr In<ClipTextEncoder> kClip{.name = "clip", .doc = "Of the model.", .optional = true};
constexpr In<Tokenizer> kTokenizer2{.name = "tokenizer_2", .doc = "SDXL's.", .optional = true};
constexpr In<ClipTextEncoder> kClip2{.name = "clip_2", .doc = "SDXL's.", .optional = true};
constexpr In<Text> kToken{
    .name = "token",
    .doc = "What stands for it in prompts; empty: the name in the file, or the file's own.",
    .fallback = ""};
constexpr Out<Tokenizer> kTokenizerOut{.name = "tokenizer", .doc = "With the token."};
constexpr Out<ClipTextEncoder> kClipOut{.name = "clip", .doc = "With its rows."};
constexpr Out<Tokenizer> kTokenizer2Out{.name = "tokenizer_2", .doc = "With the token."};
constexpr Out<ClipTextEncoder> kClip2Out{.name = "clip_2", .doc = "With its rows."};

// Learned rows that a store holds already, and `rows` behind them.
absl::StatusOr<Weight> Stacked(const WeightStore& store, const Weight& rows, int64_t count,
                               int64_t width) {
  const Weight* before = store.Find(kLearnedEmbedding);
  const int64_t had = before != nullptr ? before->shape().dim(0) : 0;
  WEFT_ASSIGN_OR_RETURN(Tensor all, Tensor::Allocate(Allocator(Device::kCpu), DType::kF32,
                                                     Shape{had + count, width}));
  auto* to = all.mutable_data<float>();
  if (before != nullptr) {
    WEFT_ASSIGN_OR_RETURN(const Tensor old, before->Read());
    ConvertElements(old.raw(), old.dtype(), to, DType::kF32, old.numel());
  }
  WEFT_ASSIGN_OR_RETURN(const Tensor added, rows.Read());
  ConvertElements(added.raw(), added.dtype(), to + had * width, DType::kF32, added.numel());
  const std::string name(kLearnedEmbedding);
  return *WeightStore::Of("learned words", {{name, all}})->Find(name);
}

absl::Status Apply(NodeContext& ctx, const Weight& rows, const In<Tokenizer>& tokenizer_in,
                   const In<ClipTextEncoder>& clip_in, const Out<Tokenizer>& tokenizer_out,
                   const Out<ClipTextEncoder>& clip_out) {
  if (!ctx.Has(tokenizer_in) && !ctx.Has(clip_in)) return absl::OkStatus();
  if (!ctx.Has(tokenizer_in)) return ctx.PortError(tokenizer_in, "goes with \"clip\"");
  if (!ctx.Has(clip_in)) return ctx.PortError(clip_in, "goes with \"tokenizer\"");
  const std::shared_ptr<const TextEmbedding> embedding = ctx.Get(kEmbedding);
  const std::shared_ptr<const ClipTextEncoder> clip = ctx.Get(clip_in);
  ClipTextConfig config = clip->network().config();
  if (rows.empty()) {
    return ctx.PortError(kEmbedding, "\"", embedding->path(), "\" has no vectors for \"",
                         clip_in.name, "\"");
  }
  const int64_t width = rows.shape().dim(-1);
  const int64_t count = rows.shape().numel() / width;
  if (width != config.width) {
    return ctx.PortError(clip_in, "the embedding \"", embedding->path(), "\" is ", width,
                         " wide, the text encoder \"", clip->path(), "\" ", config.width);
  }
  const std::string token = ctx.Get(kToken).empty() ? embedding->token() : ctx.Get(kToken);
  const std::shared_ptr<const Tokenizer> tokenizer = ctx.Get(tokenizer_in);
  if (tokenizer->next_id() > config.vocabulary) {
    return ctx.PortError(tokenizer_in, "has ", tokenizer->next_id(),
                         " tokens, but the text encoder's table ends at ", config.vocabulary,
                         ": they are not of one model");
  }
  const auto with_token = tokenizer->WithToken(token, static_cast<int32_t>(config.vocabulary),
                                               static_cast<int32_t>(count));
  if (!with_token.ok()) return ctx.PortError(kToken, with_token.status().message());
  WEFT_ASSIGN_OR_RETURN(Weight learned, Stacked(*clip->store(), rows, count, width));
  config.vocabulary += count;
  config.learned_rows += count;
  absl::btree_map<std::string, Weight> weights = clip->store()->weights();
  weights.insert_or_assign(std::string(kLearnedEmbedding), std::move(learned));
  WEFT_ASSIGN_OR_RETURN(
      const std::shared_ptr<const Bound<ClipText>> bound,
      BindNetwork<ClipText>(config, WeightStore::OfWeights(clip->path(), std::move(weights))));
  ctx.Set(tokenizer_out, *with_token);
  ctx.Set(clip_out, std::make_shared<const ClipTextEncoder>(bound, clip->precision()));
  return absl::OkStatus();
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const TextEmbedding> embedding = ctx.Get(kEmbedding);
  if (!ctx.Has(kClip) && !ctx.Has(kClip2)) {
    return ctx.PortError(kClip, "needs something to teach: wire a tokenizer and a clip");
  }
  WEFT_RETURN_IF_ERROR(Apply(ctx, embedding->rows(), kTokenizer, kClip, kTokenizerOut, kClipOut));
  return Apply(ctx, embedding->rows_2(), kTokenizer2, kClip2, kTokenizer2Out, kClip2Out);
}

}  // namespace

NodeType ApplyTextualInversionNode() {
  return NodeType{
      Contract{.type = "ApplyTextualInversion",
               .doc = "Teaches a tokenizer and its text encoder a learned word; one of several "
                      "vectors takes as many tokens in a prompt.",
               .category = "text",
               .separate_outputs = true,
               .inputs = {kEmbedding, kTokenizer, kClip, kTokenizer2, kClip2, kToken},
               .outputs = {kTokenizerOut, kClipOut, kTokenizer2Out, kClip2Out}},
      Run};
}

}  // namespace weft
