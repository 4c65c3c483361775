// How much a conditioning counts beside others: weight of each entry · factor.
#include <utility>
#include <vector>

#include "nodes/text/conditioning.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Conditioning> kFrom{.name = "conditioning", .doc = "What to draw."};
constexpr In<double> kWeight{.name = "weight",
                             .doc =
                                 "A factor on the weights it has: 1 changes nothing; less than 0 "
                                 "keeps away from it.",
                             .fallback = 1.0,
                             .min = -1000,
                             .max = 1000};
constexpr Out<Conditioning> kConditioning{.name = "conditioning", .doc = "The same, weighted."};

absl::Status Run(NodeContext& ctx) {
  std::vector<Conditioning::Entry> entries = ctx.Get(kFrom)->entries();
  for (Conditioning::Entry& entry : entries) entry.weight *= ctx.Get(kWeight);
  ctx.Set(kConditioning, std::make_shared<const Conditioning>(std::move(entries)));
  return absl::OkStatus();
}

}  // namespace

NodeType ConditioningWeightNode() {
  return {Contract{.type = "ConditioningWeight",
                   .doc = "How much a conditioning counts beside those that CombineConditionings "
                          "joins it to.",
                   .category = "text",
                   .inputs = {kFrom, kWeight},
                   .outputs = {kConditioning}},
          Run};
}

}  // namespace weft
