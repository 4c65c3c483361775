// Noise in the shape of a VAE's latents, as torch.randn draws it with a CPU generator.

#include <algorithm>
#include <memory>
#include <utility>

#include "nodes/latent/latent.h"
#include "nodes/sampling/generator.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

// Any object of type "vae": only its traits are read, {channels, scale}.
struct VaeTraits {};

}  // namespace

template <>
struct PortType<VaeTraits> {
  using Held = std::shared_ptr<const Object>;
  using Literal = std::monostate;
  static std::string TypeName() { return "vae"; }
  static bool Holds(const Value& v) { return v.AsObject() != nullptr; }
  static Held Unwrap(const Value& v) { return v.SharedObject(); }
  static Traits TraitsOf(const Held& held) { return held->traits(); }
};

namespace {

constexpr int64_t kMost = 65536;  // pixels of a side, pictures of a batch
constexpr In<VaeTraits> kVae{.name = "vae",
                             .doc =
                                 "Says how many channels, and pixels a latent; with `like` or "
                                 "`channels` it can be left out.",
                             .optional = true};
constexpr In<Generator> kGenerator{.name = "generator", .doc = "Where the numbers come from."};
constexpr In<int64_t> kWidth{
    .name = "width", .doc = "Of the picture, in pixels.", .min = 1, .max = kMost, .optional = true};
constexpr In<int64_t> kHeight{.name = "height",
                              .doc = "Of the picture, in pixels.",
                              .min = 1,
                              .max = kMost,
                              .optional = true};
constexpr In<Latent> kLike{.name = "like",
                           .doc =
                               "A latent whose size to take, in place of width and height; "
                               "without a vae its channels too.",
                           .optional = true};
constexpr In<int64_t> kChannels{.name = "channels",
                                .doc =
                                    "Of noise for a network that works on pixels: in place of a "
                                    "vae, with width and height.",
                                .min = 1,
                                .max = 1024,
                                .optional = true};
constexpr In<int64_t> kBatch{
    .name = "batch", .doc = "Pictures at once.", .fallback = 1, .min = 1, .max = kMost};
constexpr Out<Latent> kNoise{.name = "noise", .doc = "Mean 0, variance 1."};
constexpr Out<Generator> kNext{.name = "generator", .doc = "After the draws."};

absl::Status CheckSide(const NodeContext& ctx, const In<int64_t>& side, int64_t scale) {
  const int64_t pixels = ctx.Get(side);
  if (pixels > 0 && pixels <= kMost && pixels % scale == 0) return absl::OkStatus();
  const int64_t below = std::max<int64_t>(pixels / scale * scale, scale);
  return ctx.PortError(side, pixels, " is not a multiple of ", scale,
                       " (pixels a latent of this vae); nearest: ",
                       pixels < below || pixels > kMost - scale
                           ? absl::StrCat(std::min(below, kMost / scale * scale))
                           : absl::StrCat(below, " or ", below + scale));
}

// That of `like`, with so many channels, or 0: its own.
absl::StatusOr<Shape> LikeShape(const NodeContext& ctx, int64_t channels) {
  if (ctx.Has(kWidth) || ctx.Has(kHeight)) {
    return ctx.PortError(kLike, "says the size already: leave out \"width\" and \"height\"");
  }
  const Tensor like = ctx.Get(kLike);
  if (like.rank() != 4) {
    return ctx.PortError(kLike, "expected [batch, channels, height, width], got ",
                         like.shape().ToString());
  }
  return Shape{like.dim(0), channels > 0 ? channels : like.dim(1), like.dim(2), like.dim(3)};
}

// That of a picture of width × height, `scale` pixels of which make one of the latent.
absl::StatusOr<Shape> SizedShape(const NodeContext& ctx, int64_t channels, int64_t scale) {
  for (const In<int64_t>& side : {kWidth, kHeight}) {
    if (!ctx.Has(side)) return ctx.PortError(side, "is missing: give it, or a latent as \"like\"");
  }
  WEFT_RETURN_IF_ERROR(CheckSide(ctx, kWidth, scale));
  WEFT_RETURN_IF_ERROR(CheckSide(ctx, kHeight, scale));
  if (ctx.Get(kBatch) < 1 || ctx.Get(kBatch) > kMost) {
    return ctx.PortError(kBatch, ctx.Get(kBatch), " is not in 1..", kMost);
  }
  return Shape::Checked(
      {ctx.Get(kBatch), channels, ctx.Get(kHeight) / scale, ctx.Get(kWidth) / scale},
      SizeOf(DType::kF32));
}

// Shape of the noise: that of `like`, or what width, height and batch come to.
absl::StatusOr<Shape> NoiseShape(const NodeContext& ctx) {
  if (!ctx.Has(kVae)) {
    if (ctx.Has(kLike)) return LikeShape(ctx, 0);
    if (!ctx.Has(kChannels)) {
      return ctx.PortError(kVae, "is missing: give it, a latent as \"like\", or \"channels\"");
    }
    return SizedShape(ctx, ctx.Get(kChannels), 1);
  }
  const Traits traits = ctx.Get(kVae)->traits();
  const auto channels = traits.find("channels");
  const auto scale = traits.find("scale");
  if (channels == traits.end() || scale == traits.end() || channels->second < 1 ||
      scale->second < 1) {
    return ctx.PortError(kVae, "does not say its latent channels and scale");
  }
  if (ctx.Has(kLike)) {
    return LikeShape(ctx, channels->second);
  }
  return SizedShape(ctx, channels->second, scale->second);
}

absl::Status Run(NodeContext& ctx) {
  WEFT_ASSIGN_OR_RETURN(const Shape shape, NoiseShape(ctx));
  WEFT_ASSIGN_OR_RETURN(Tensor noise, Tensor::Allocate(ctx.allocator(), DType::kF32, shape));
  Rng rng = ctx.Get(kGenerator)->rng();
  if (!noise.is_meta()) {
    rng.Normal(absl::MakeSpan(noise.mutable_data<float>(), static_cast<size_t>(noise.numel())));
  }
  ctx.Set(kNoise, std::move(noise));
  ctx.Set(kNext, std::make_shared<Generator>(rng));
  return absl::OkStatus();
}

}  // namespace

NodeType RandomLatentNode() {
  return NodeType{Contract{.type = "RandomLatent",
                           .doc = "Normally distributed noise for a picture of a size.",
                           .category = "latent",
                           .inputs = {kVae, kGenerator, kWidth, kHeight, kBatch, kLike, kChannels},
                           .outputs = {kNoise, kNext}},
                  Run};
}

}  // namespace weft
