// A class for UNets that embed one beside the time (num_class_embeds): of the x4 upscaler it is the
// noise_level of the small picture.

#include <utility>
#include <vector>

#include "nodes/text/conditioning.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Conditioning> kConditioning{.name = "conditioning", .doc = "Of the text."};
constexpr In<int64_t> kLabel{
    .name = "class_label", .doc = "Which class, from 0.", .min = 0, .max = 1 << 20};
constexpr Out<Conditioning> kOut{.name = "conditioning", .doc = "The same with a class."};

absl::Status Run(NodeContext& ctx) {
  std::vector<Conditioning::Entry> entries = ctx.Get(kConditioning)->entries();
  for (Conditioning::Entry& entry : entries) entry.class_label = ctx.Get(kLabel);
  ctx.Set(kOut, std::make_shared<const Conditioning>(std::move(entries)));
  return absl::OkStatus();
}

}  // namespace

NodeType ClassConditioningNode() {
  return {Contract{.type = "ClassConditioning",
                   .doc = "A class for UNets that embed one beside the time: of the x4 upscaler "
                          "the noise_level of the small picture.",
                   .category = "text",
                   .inputs = {kConditioning, kLabel},
                   .outputs = {kOut}},
          Run};
}

}  // namespace weft
