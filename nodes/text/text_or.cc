// A text, or another one where it is empty: SDXL's second prompt is the first where none is given.

#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Text> kText{.name = "text", .doc = "The text.", .fallback = ""};
constexpr In<Text> kOtherwise{.name = "otherwise", .doc = "What stands for an empty one."};
constexpr Out<Text> kOut{.name = "text", .doc = "The first of the two that is not empty."};

absl::Status Run(NodeContext& ctx) {
  ctx.Set(kOut, ctx.Get(kText).empty() ? ctx.Get(kOtherwise) : ctx.Get(kText));
  return absl::OkStatus();
}

}  // namespace

NodeType TextOrNode() {
  return {Contract{.type = "TextOr",
                   .doc = "A text, or another one where it is empty.",
                   .category = "text",
                   .inputs = {kText, kOtherwise},
                   .outputs = {kOut}},
          Run};
}

}  // namespace weft
