// The hidden states of CLIP's text encoder: conditioning = final_norm(layers[:-clip_skip](tokens)),
// or, for SDXL, layers[:-1-clip_skip](tokens) as they are.
#include <algorithm>
#include <utility>

#include "nodes/models/part_ops.h"
#include "nodes/models/parts.h"
#include "nodes/text/conditioning.h"
#include "nodes/text/tokens.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<ClipTextEncoder> kClip{.name = "clip", .doc = "The text encoder."};
constexpr In<Tokens> kTokens{.name = "tokens",
                             .doc =
                                 "From Tokenize; longer texts in chunks of the encoder's "
                                 "length, each encoded by itself."};
constexpr In<int64_t> kClipSkip{.name = "clip_skip",
                                .doc = "How many of the last layers to leave out.",
                                .fallback = 0,
                                .min = 0,
                                .max = 255};
constexpr In<bool> kPenultimate{.name = "penultimate",
                                .doc =
                                    "What goes into the last layer, without the final norm, as "
                                    "SDXL's UNets want it of both encoders; clip_skip counts "
                                    "from there.",
                                .fallback = false};
constexpr Out<Conditioning> kConditioning{.name = "conditioning", .doc = "What to draw."};

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const ClipTextEncoder> clip = ctx.Get(kClip);
  const ClipTextConfig& config = clip->network().config();
  const Tensor tokens = ctx.Get(kTokens);
  const bool penultimate = ctx.Get(kPenultimate);
  const int64_t skip = ctx.Get(kClipSkip) + (penultimate ? 1 : 0);
  if (skip >= config.layers) {
    return ctx.PortError(kClipSkip, "is ", ctx.Get(kClipSkip), ", but this text encoder has ",
                         config.layers, " layers");
  }
  if (absl::Status ids = CheckTokenIds(tokens, config.vocabulary); !ids.ok()) {
    return ctx.PortError(kTokens, ids.message());
  }
  const int64_t batch = tokens.dim(0);
  const int64_t count = tokens.dim(1);
  const int64_t chunk = std::min(count, config.positions);
  if (batch == 0 || count == 0 || count % chunk != 0) {
    return ctx.PortError(kTokens, "expected up to ", config.positions,
                         " tokens a text, or a multiple of that, got ", tokens.shape().ToString());
  }
  const int64_t chunks = count / chunk;

  Ops ops = OpsFor(ctx, *clip);
  const Tensor ids = ops.Reshape(tokens, {batch * chunks, chunk});
  if (config.own_ids.has_value()) {
    if (absl::Status own = CheckTextIds(ids, *config.own_ids); !own.ok()) {
      return ctx.PortError(kTokens, own.message(), " than \"", clip->path(), "\"");
    }
  }
  ClipText::Output output = clip->network()(
      ops, ids, {.skip = skip, .final_norm = !penultimate, .pooled = config.projection_width > 0});
  Tensor hidden = ops.Reshape(output.hidden, {batch, count, config.width});
  hidden = ops.Cast(hidden, DType::kF32);
  Tensor pooled;
  if (output.pooled) {
    // Of the first chunk, which says what the picture is of.
    std::vector<Tensor> rows;
    for (int64_t b = 0; b < batch; ++b) {
      rows.push_back(ops.Rows(output.pooled, b * chunks, b * chunks + 1));
    }
    pooled = ops.Cast(ops.Stack(rows), DType::kF32);
  }
  WEFT_ASSIGN_OR_RETURN(hidden, ops.Finish(std::move(hidden)));
  std::vector<Conditioning::Entry> entries(1);
  entries[0].tokens = std::move(hidden);
  entries[0].pooled = std::move(pooled);
  ctx.Set(kConditioning, std::make_shared<const Conditioning>(std::move(entries)));
  return absl::OkStatus();
}

}  // namespace

NodeType ClipEncodeNode() {
  return {Contract{.type = "ClipEncode",
                   .doc = "The hidden states of CLIP's text encoder: final_norm(layers[: n - "
                          "clip_skip](tokens)).",
                   .category = "text",
                   .inputs = {kClip, kTokens, kClipSkip, kPenultimate},
                   .outputs = {kConditioning}},
          Run};
}

}  // namespace weft
