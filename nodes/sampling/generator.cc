// A stream of random numbers, the same as torch.Generator().manual_seed(seed) on the CPU.

#include "nodes/sampling/generator.h"

#include <memory>

#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<int64_t> kSeed{.name = "seed", .doc = "Same seed, same numbers (its low 32 bits)."};
constexpr Out<Generator> kGenerator{.name = "generator", .doc = "The stream at its beginning."};

absl::Status Run(NodeContext& ctx) {
  ctx.Set(kGenerator, std::make_shared<Generator>(Rng(static_cast<uint64_t>(ctx.Get(kSeed)))));
  return absl::OkStatus();
}

}  // namespace

NodeType GeneratorNode() {
  return NodeType{Contract{.type = "Generator",
                           .doc = "A stream of random numbers; nodes that draw give it on.",
                           .category = "sampling",
                           .inputs = {kSeed},
                           .outputs = {kGenerator}},
                  Run};
}

}  // namespace weft
