// A conditioning from the hidden states of a text encoder, for those that another program has run.
#include <utility>
#include <vector>

#include "nodes/text/conditioning.h"
#include "nodes/text/hidden_states.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<HiddenStates> kTokens{
    .name = "tokens", .doc = "[batch, tokens, width]: the text encoder's hidden states."};
constexpr In<HiddenStates> kPooled{.name = "pooled",
                                   .doc = "[batch, width]: the pooled output, where there is one.",
                                   .optional = true};
constexpr Out<Conditioning> kConditioning{.name = "conditioning", .doc = "What to draw."};

absl::StatusOr<Tensor> InF32(NodeContext& ctx, const In<HiddenStates>& port, int rank,
                             absl::string_view shape) {
  const Tensor tensor = ctx.Get(port);
  const DType dtype = tensor.dtype();
  const bool numbers = dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
  if (tensor.rank() != rank || tensor.numel() == 0 || !numbers) {
    return ctx.PortError(port, "expected ", shape, " f32, f16 or bf16, got ",
                         tensor.shape().ToString(), " ", Name(dtype));
  }
  if (!tensor.is_meta()) return tensor.To(DType::kF32, ctx.allocator());
  return Tensor::Allocate(ctx.allocator(), DType::kF32, tensor.shape());
}

absl::Status Run(NodeContext& ctx) {
  std::vector<Conditioning::Entry> entries(1);
  WEFT_ASSIGN_OR_RETURN(entries[0].tokens, InF32(ctx, kTokens, 3, "[batch, tokens, width]"));
  if (ctx.Has(kPooled)) {
    WEFT_ASSIGN_OR_RETURN(entries[0].pooled, InF32(ctx, kPooled, 2, "[batch, width]"));
    if (entries[0].pooled.dim(0) != entries[0].tokens.dim(0)) {
      return ctx.PortError(kPooled, "is of ", entries[0].pooled.dim(0), " texts, the tokens of ",
                           entries[0].tokens.dim(0));
    }
  }
  ctx.Set(kConditioning, std::make_shared<const Conditioning>(std::move(entries)));
  return absl::OkStatus();
}

}  // namespace

NodeType MakeConditioningNode() {
  return {Contract{.type = "MakeConditioning",
                   .doc = "A conditioning from the hidden states of a text encoder, such as the "
                          "embeddings of a diffusers pipeline.",
                   .category = "text",
                   .inputs = {kTokens, kPooled},
                   .outputs = {kConditioning}},
          Run};
}

}  // namespace weft
