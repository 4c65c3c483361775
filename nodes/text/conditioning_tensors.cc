// The hidden states in a conditioning, for other programs to use.
#include "nodes/text/conditioning.h"
#include "nodes/text/hidden_states.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Conditioning> kConditioning{.name = "conditioning",
                                         .doc = "From a text encoder; of one entry."};
constexpr Out<HiddenStates> kTokens{.name = "tokens", .doc = "[batch, tokens, width] f32."};
constexpr Out<HiddenStates> kPooled{.name = "pooled",
                                    .doc = "[batch, width] f32; nothing where there is none."};

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Conditioning> conditioning = ctx.Get(kConditioning);
  if (conditioning->entries().size() != 1) {
    return ctx.PortError(kConditioning, "has ", conditioning->entries().size(),
                         " entries; expected one");
  }
  const Conditioning::Entry& entry = conditioning->entries()[0];
  ctx.Set(kTokens, entry.tokens);
  if (!entry.pooled.empty()) ctx.Set(kPooled, entry.pooled);
  return absl::OkStatus();
}

}  // namespace

NodeType ConditioningTensorsNode() {
  return {Contract{.type = "ConditioningTensors",
                   .doc = "The hidden states in a conditioning: what MakeConditioning takes.",
                   .category = "text",
                   .inputs = {kConditioning},
                   .outputs = {kTokens, kPooled}},
          Run};
}

}  // namespace weft
