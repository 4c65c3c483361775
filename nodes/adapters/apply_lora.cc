// ApplyLora: a model's networks with a LoRA on their weights, W' = W + weight · Δ.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nodes/adapters/apply.h"
#include "nodes/models/parts.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr absl::string_view kModes[] = {"merged", "live"};

constexpr In<Lora> kLora{.name = "lora", .doc = "From LoadLora."};
constexpr In<Unet> kUnet{.name = "unet", .doc = "The denoiser.", .optional = true};
constexpr In<ClipTextEncoder> kClip{.name = "clip", .doc = "The text encoder.", .optional = true};
constexpr In<ClipTextEncoder> kClip2{
    .name = "clip_2", .doc = "SDXL's second text encoder.", .optional = true};
constexpr In<double> kWeight{.name = "weight",
                             .doc = "How much of it the UNet gets; 0: none, may be negative.",
                             .fallback = 1.0,
                             .min = -100,
                             .max = 100};
constexpr In<double> kClipWeight{.name = "clip_weight",
                                 .doc = "How much the text encoders get; as weight if not given.",
                                 .min = -100,
                                 .max = 100,
                                 .optional = true};
constexpr In<Text> kMode{
    .name = "mode",
    .doc =
        "merged: summed into the weights when they are packed, as fast as without. live: "
        "computed beside the weights, which are packed once for all LoRAs; for switching.",
    .fallback = "merged",
    .choices = kModes};
constexpr Out<Unet> kUnetOut{.name = "unet", .doc = "The denoiser with the LoRA."};
constexpr Out<ClipTextEncoder> kClipOut{.name = "clip", .doc = "The text encoder with it."};
constexpr Out<ClipTextEncoder> kClip2Out{.name = "clip_2", .doc = "The second one with it."};

// A LoRA of one family does not fit another's UNet: both are told by the text they look at.
absl::Status CheckFamily(const NodeContext& ctx, const Lora& lora, const Unet& unet) {
  const int64_t has = unet.network().config().context_width;
  const int64_t wants = lora.text_width();
  if (wants == 0 || wants == has) return absl::OkStatus();
  const auto named = [](int64_t width) {
    const absl::string_view family = FamilyOfTextWidth(width);
    return absl::StrCat(family, family.empty() ? "text width " : " (text width ", width,
                        family.empty() ? "" : ")");
  };
  return ctx.PortError(kLora, "\"", lora.path(), "\": this LoRA is for ", named(wants),
                       ", the UNet \"", unet.path(), "\" has ", named(has));
}

void NotifyUnknown(const NodeContext& ctx, const Lora& lora, LoraPart part,
                   const AdaptedStore& adapted) {
  if (ctx.dry_run() || adapted.unknown.empty()) return;
  constexpr size_t kListed = 5;
  const std::vector<std::string>& unknown = adapted.unknown;
  const auto end = unknown.begin() + static_cast<std::ptrdiff_t>(std::min(unknown.size(), kListed));
  ctx.Notice(absl::StrCat("\"", lora.path(), "\": of its modules for the ", NameOf(part), ", ",
                          adapted.used.size(), " are used and ", unknown.size(),
                          " are not in this one: ", absl::StrJoin(unknown.begin(), end, ", "),
                          unknown.size() > kListed ? ", …" : ""));
}

template <typename Part, typename Network>
absl::Status Apply(NodeContext& ctx, const In<Part>& in, const Out<Part>& out, LoraPart which,
                   double weight) {
  const std::shared_ptr<const Lora> lora = ctx.Get(kLora);
  if (!ctx.Has(in)) {
    if (ctx.Wanted(out)) return ctx.PortError(in, "is wired on, but nothing goes in");
    if (const size_t count = lora->CountOf(which); count > 0 && !ctx.dry_run()) {
      ctx.Notice(absl::StrCat("\"", lora->path(), "\": ", count, " modules are for the ",
                              NameOf(which), ", which is not wired to \"", in.name,
                              "\": they change nothing"));
    }
    return absl::OkStatus();
  }
  const std::shared_ptr<const Part> part = ctx.Get(in);
  const LoraMode mode = ctx.Get(kMode) == "live" ? LoraMode::kLive : LoraMode::kMerged;
  absl::StatusOr<AdaptedStore> adapted = Adapt(part->store(), *lora, which, weight, mode);
  if (!adapted.ok()) return ctx.PortError(in, adapted.status().message());
  NotifyUnknown(ctx, *lora, which, *adapted);
  if (adapted->used.empty()) {
    ctx.Set(out, part);
    return absl::OkStatus();
  }
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const Bound<Network>> bound,
                        BindNetwork<Network>(part->network().config(), adapted->store));
  ctx.Set(out, std::make_shared<const Part>(bound, part->precision()));
  return absl::OkStatus();
}

absl::Status Run(NodeContext& ctx) {
  const std::shared_ptr<const Lora> lora = ctx.Get(kLora);
  const double weight = ctx.Get(kWeight);
  const double clip_weight = ctx.Has(kClipWeight) ? ctx.Get(kClipWeight) : weight;
  if (!ctx.Has(kUnet) && !ctx.Has(kClip) && !ctx.Has(kClip2)) {
    return ctx.PortError(kUnet, "needs something to change: wire a unet, a clip or a clip_2");
  }
  if (ctx.Has(kUnet)) WEFT_RETURN_IF_ERROR(CheckFamily(ctx, *lora, *ctx.Get(kUnet)));
  const bool any = (ctx.Has(kUnet) && lora->CountOf(LoraPart::kUnet) > 0) ||
                   (ctx.Has(kClip) && lora->CountOf(LoraPart::kClip) > 0) ||
                   (ctx.Has(kClip2) && lora->CountOf(LoraPart::kClip2) > 0);
  if (!any) {
    return ctx.PortError(kLora, "\"", lora->path(), "\" changes nothing that is wired here: it is ",
                         lora->Description());
  }
  WEFT_RETURN_IF_ERROR((Apply<Unet, UnetNetwork>(ctx, kUnet, kUnetOut, LoraPart::kUnet, weight)));
  WEFT_RETURN_IF_ERROR(
      (Apply<ClipTextEncoder, ClipText>(ctx, kClip, kClipOut, LoraPart::kClip, clip_weight)));
  return Apply<ClipTextEncoder, ClipText>(ctx, kClip2, kClip2Out, LoraPart::kClip2, clip_weight);
}

}  // namespace

NodeType ApplyLoraNode() {
  return NodeType{
      Contract{.type = "ApplyLora",
               .doc = "A model's networks with a LoRA on their weights; several chain, and their "
                      "weights add up.",
               .category = "io",
               .separate_outputs = true,
               .inputs = {kLora, kUnet, kClip, kClip2, kWeight, kClipWeight, kMode},
               .outputs = {kUnetOut, kClipOut, kClip2Out}},
      Run};
}

}  // namespace weft
