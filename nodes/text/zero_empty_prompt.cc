// Nought in place of an empty prompt: SDXL's base was trained to take that for "no prompt"
// (diffusers' force_zeros_for_empty_prompt).

#include <utility>
#include <vector>

#include "nodes/text/conditioning.h"
#include "nodes/text/conditioning_math.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Conditioning> kConditioning{.name = "conditioning", .doc = "Of the prompt."};
constexpr In<Text> kText{.name = "text", .doc = "The prompt itself.", .fallback = ""};
constexpr In<bool> kZero{
    .name = "zero_if_empty", .doc = "false: the conditioning goes by as it is.", .fallback = true};
constexpr Out<Conditioning> kOut{
    .name = "conditioning", .doc = "All hidden states and pooled text 0 where the text is empty."};

absl::Status Run(NodeContext& ctx) {
  if (!ctx.Get(kZero) || !ctx.Get(kText).empty()) {
    ctx.Set(kOut, ctx.Get(kConditioning));
    return absl::OkStatus();
  }
  std::vector<Conditioning::Entry> entries = ctx.Get(kConditioning)->entries();
  for (Conditioning::Entry& entry : entries) {
    WEFT_ASSIGN_OR_RETURN(entry.tokens, ZerosLike(entry.tokens, ctx.allocator()));
    WEFT_ASSIGN_OR_RETURN(entry.pooled, ZerosLike(entry.pooled, ctx.allocator()));
  }
  ctx.Set(kOut, std::make_shared<const Conditioning>(std::move(entries)));
  return absl::OkStatus();
}

}  // namespace

NodeType ZeroEmptyPromptNode() {
  return {Contract{.type = "ZeroEmptyPrompt",
                   .doc = "Zeros in place of an empty prompt, which SDXL takes for no prompt "
                          "(diffusers' force_zeros_for_empty_prompt).",
                   .category = "text",
                   .inputs = {kConditioning, kText, kZero},
                   .outputs = {kOut}},
          Run};
}

}  // namespace weft
