// What two text encoders say of one prompt, side by side:
//   tokens = [tokens of the first | tokens of the second], pooled = that of the second.
// SDXL's UNets are told this (Podell et al. 2023, arXiv 2307.01952, section 2.1).

#include <algorithm>
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
    .doc =
        "Of the second. Texts that hold in the same steps stand side by side; where one has fewer "
        "texts or tokens than the other, its last text, or chunk, stands there again."};
constexpr Out<Conditioning> kJoined{
    .name = "conditioning",
    .doc = "As wide as both. Pooled text is the second's, or the first's where that has none."};

using Entries = std::vector<Conditioning::Entry>;

bool SameSteps(const Entries& first, const Entries& second) {
  return first.size() == second.size() &&
         std::equal(first.begin(), first.end(), second.begin(),
                    [](const auto& a, const auto& b) { return a.steps == b.steps; });
}

bool HasSchedule(const Entries& entries) {
  return std::any_of(entries.begin(), entries.end(),
                     [](const auto& entry) { return !entry.steps.whole(); });
}

// Which of the first stand beside which of the second: the weight and the steps of a pair are those
// of the first, and what the second adds to them.
struct Pair {
  const Conditioning::Entry* first;
  const Conditioning::Entry* second;
  double weight;
  StepRange steps;
};

std::vector<Pair> Pairs(const Entries& first, const Entries& second) {
  std::vector<Pair> pairs;
  if (!SameSteps(first, second) && (HasSchedule(first) || HasSchedule(second))) {
    for (const Conditioning::Entry& a : first) {
      for (const Conditioning::Entry& b : second) {
        if (const auto steps = Both(a.steps, b.steps)) {
          pairs.push_back({&a, &b, a.weight * b.weight, *steps});
        }
      }
    }
    return pairs;
  }
  for (size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    const Conditioning::Entry& a = first[std::min(i, first.size() - 1)];
    const Conditioning::Entry& b = second[std::min(i, second.size() - 1)];
    pairs.push_back({&a, &b, i < first.size() ? a.weight : b.weight, a.steps});
  }
  return pairs;
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Conditioning> first = ctx.Get(kFirst);
  const std::shared_ptr<const Conditioning> second = ctx.Get(kSecond);
  for (const In<Conditioning>& port : {kFirst, kSecond}) {
    if (ctx.Get(port)->entries().empty()) return ctx.PortError(port, "has no texts");
  }
  Entries joined;
  for (const Pair& pair : Pairs(first->entries(), second->entries())) {
    Conditioning::Entry entry = *pair.first;
    absl::StatusOr<Tensor> tokens =
        JoinWidths(pair.first->tokens, pair.second->tokens, ctx.allocator());
    if (!tokens.ok()) return ctx.PortError(kSecond, tokens.status().message());
    entry.tokens = *std::move(tokens);
    if (!pair.second->pooled.empty()) entry.pooled = pair.second->pooled;
    entry.weight = pair.weight;
    entry.steps = pair.steps;
    joined.push_back(std::move(entry));
  }
  if (joined.empty()) {
    return ctx.PortError(kSecond, "holds in no step in which \"conditioning\" does");
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
