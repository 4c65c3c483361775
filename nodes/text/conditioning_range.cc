// The steps in which a conditioning holds, as a share of the run.
#include <utility>
#include <vector>

#include "nodes/text/conditioning.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Conditioning> kFrom{.name = "conditioning", .doc = "What to draw."};
constexpr In<double> kFirst{.name = "first",
                            .doc = "The share of the steps that is done when it begins to hold.",
                            .fallback = 0.0,
                            .min = 0,
                            .max = 1};
constexpr In<double> kLast{.name = "last",
                           .doc = "The share of the steps that is done when it no longer holds.",
                           .fallback = 1.0,
                           .min = 0,
                           .max = 1};
constexpr Out<Conditioning> kConditioning{.name = "conditioning",
                                          .doc = "The same, for these steps alone."};

absl::Status Run(NodeContext& ctx) {
  const StepRange range{.first_share = ctx.Get(kFirst), .last_share = ctx.Get(kLast)};
  if (range.first_share >= range.last_share) {
    return ctx.PortError(kLast, range.last_share, " does not lie behind first, ",
                         range.first_share);
  }
  std::vector<Conditioning::Entry> entries;
  for (Conditioning::Entry entry : ctx.Get(kFrom)->entries()) {
    const std::optional<StepRange> both = Both(entry.steps, range);
    if (!both.has_value()) continue;
    entry.steps = *both;
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) {
    return ctx.PortError(kFrom, "holds in none of the steps from ", range.first_share, " to ",
                         range.last_share);
  }
  ctx.Set(kConditioning, std::make_shared<const Conditioning>(std::move(entries)));
  return absl::OkStatus();
}

}  // namespace

NodeType ConditioningRangeNode() {
  return {Contract{.type = "ConditioningRange",
                   .doc = "A conditioning that holds in a part of the steps: from step "
                          "first · num_inference_steps to before last · num_inference_steps, "
                          "rounded down.",
                   .category = "text",
                   .inputs = {kFrom, kFirst, kLast},
                   .outputs = {kConditioning}},
          Run};
}

}  // namespace weft
