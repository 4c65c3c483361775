// LoadLora: a file of adapters in any dialect, W' = W + alpha/rank · up·down and its relatives.

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nodes/adapters/lora.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr absl::string_view kParts[] = {"auto", "unet", "clip", "clip_2"};

constexpr In<Text> kPath{.name = "path",
                         .doc =
                             "A file of kohya, diffusers or PEFT, or a folder that PEFT or "
                             "diffusers has saved; relative to the graph, then along WEFT_MODELS."};
constexpr In<Text> kPart{.name = "part",
                         .doc =
                             "Which network a file of PEFT is for, which does not say so itself; "
                             "auto: as the names of its modules look.",
                         .fallback = "auto",
                         .choices = kParts};
constexpr Out<Lora> kLora{.name = "lora", .doc = "For ApplyLora."};

std::optional<LoraPart> PartOf(const std::string& name) {
  if (name == "unet") return LoraPart::kUnet;
  if (name == "clip") return LoraPart::kClip;
  if (name == "clip_2") return LoraPart::kClip2;
  return std::nullopt;
}

absl::Status Run(NodeContext& ctx) {
  const absl::StatusOr<std::string> path = ctx.environment().ModelPath(ctx.Get(kPath));
  if (!path.ok()) return ctx.PortError(kPath, path.status().message());
  const auto lora = Lora::Open(*path, PartOf(ctx.Get(kPart)));
  if (!lora.ok()) return ctx.PortError(kPath, lora.status().message());
  if (!ctx.dry_run()) {
    ctx.Notice(absl::StrCat("\"", *path, "\": ", (*lora)->Description()));
    if (const std::vector<std::string>& unknown = (*lora)->unknown(); !unknown.empty()) {
      constexpr size_t kListed = 5;
      const auto end =
          unknown.begin() + static_cast<std::ptrdiff_t>(std::min(unknown.size(), kListed));
      ctx.Notice(absl::StrCat(
          "\"", *path, "\": ", unknown.size(), " tensors are of no dialect and not used: ",
          absl::StrJoin(unknown.begin(), end, ", "), unknown.size() > kListed ? ", …" : ""));
    }
  }
  ctx.Set(kLora, *lora);
  return absl::OkStatus();
}

}  // namespace

NodeType LoadLoraNode() {
  return NodeType{Contract{.type = "LoadLora",
                           .doc = "A file of adapters: LoRA, LoCon, LoHa, LoKr or DoRA, in the "
                                  "dialects of kohya, diffusers and PEFT.",
                           .category = "io",
                           .inputs = {kPath, kPart},
                           .outputs = {kLora}},
                  Run};
}

}  // namespace weft
