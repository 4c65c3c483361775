// What two text encoders say of one prompt, side by side:
//   tokens = [tokens of the first | tokens of the second], pooled = that of the second.
// SDXL's UNets are told this (Podell et al. 2023, arXiv 2307.01952, section 2.1).

#include <utility>
#include <vector>

#include "nodes/text/conditioning.h"
#include "nodes/text/conditioning_math.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Conditioning> kFirst{.name = "conditioning", .doc = "Of the first encoder."};
constexpr In<Conditioning> kSecond{
    .name = "conditioning_2",
    .doc = "Of the second; as many tokens as the first (PadTokens brings them there)."};
constexpr Out<Conditioning> kJoined{
    .name = "conditioning",
    .doc = "As wide as both. Pooled text is the second's, or the first's where that has none."};

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Conditioning> first = ctx.Get(kFirst);
  const std::shared_ptr<const Conditioning> second = ctx.Get(kSecond);
  if (first->entries().size() != second->entries().size()) {
    return ctx.PortError(kSecond, "has ", second->entries().size(), " entries, the first ",
                         first->entries().size());
  }
  std::vector<Conditioning::Entry> joined = first->entries();
  for (size_t i = 0; i < joined.size(); ++i) {
    const Conditioning::Entry& entry = second->entries()[i];
    absl::StatusOr<Tensor> tokens = JoinWidths(joined[i].tokens, entry.tokens, ctx.allocator());
    if (!tokens.ok()) return ctx.PortError(kSecond, tokens.status().message());
    joined[i].tokens = *std::move(tokens);
    if (!entry.pooled.empty()) joined[i].pooled = entry.pooled;
  }
  ctx.Set(kJoined, std::make_shared<const Conditioning>(std::move(joined)));
  return absl::OkStatus();
}

}  // namespace

NodeType JoinConditioningNode() {
  return {Contract{.type = "JoinConditioning",
                   .doc = "What two text encoders say of one prompt, side by side, as SDXL's UNets "
                          "are told it.",
                   .category = "text",
                   .inputs = {kFirst, kSecond},
                   .outputs = {kJoined}},
          Run};
}

}  // namespace weft
