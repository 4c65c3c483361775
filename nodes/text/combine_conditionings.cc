// Several conditionings as one: guidance pushes towards all of them at once,
//   noise = negative + guidance_scale · Σ weightᵢ · (positiveᵢ - negative)
// (Liu et al. 2022, composable diffusion).
#include <utility>
#include <vector>

#include "nodes/text/conditioning.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<ListOf<Conditioning>> kConditionings{
    .name = "conditionings", .doc = "What holds together: a AND b, or one for each area."};
constexpr Out<Conditioning> kConditioning{.name = "conditioning", .doc = "The entries of all."};

absl::Status Run(NodeContext& ctx) {
  std::vector<Conditioning::Entry> entries;
  for (const auto& conditioning : ctx.Get(kConditionings)) {
    const std::vector<Conditioning::Entry>& more = conditioning->entries();
    entries.insert(entries.end(), more.begin(), more.end());
  }
  if (entries.empty()) return ctx.PortError(kConditionings, "has none");
  ctx.Set(kConditioning, std::make_shared<const Conditioning>(std::move(entries)));
  return absl::OkStatus();
}

}  // namespace

NodeType CombineConditioningsNode() {
  return {Contract{.type = "CombineConditionings",
                   .doc = "Several conditionings as one, which guidance follows all at once: "
                          "negative + guidance_scale · Σ weight · (positive - negative).",
                   .category = "text",
                   .inputs = {kConditionings},
                   .outputs = {kConditioning}},
          Run};
}

}  // namespace weft
