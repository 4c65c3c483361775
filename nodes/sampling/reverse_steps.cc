// The steps of a run the other way round: from little noise to much, as the forward process goes.

#include <algorithm>
#include <utility>
#include <vector>

#include "nodes/sampling/step.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<ListOf<Step>> kSteps{.name = "steps", .doc = "From Timesteps."};
constexpr Out<ListOf<Step>> kReversed{.name = "steps", .doc = "The last of them first."};

absl::Status Run(NodeContext& ctx) {
  std::vector<Step> steps = ctx.Get(kSteps);
  std::reverse(steps.begin(), steps.end());
  ctx.Set(kReversed, std::move(steps));
  return absl::OkStatus();
}

}  // namespace

NodeType ReverseStepsNode() {
  return NodeType{Contract{.type = "ReverseSteps",
                           .doc = "The steps of a run from little noise to much.",
                           .category = "sampling",
                           .inputs = {kSteps},
                           .outputs = {kReversed}},
                  Run};
}

}  // namespace weft
