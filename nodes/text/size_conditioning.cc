// The sizes that SDXL's UNets embed beside the text (Podell et al. 2023, arXiv 2307.01952,
// section 2.2): original height and width, crop top and left, and
//   of the base, target height and width; of the refiner, an aesthetic score.

#include <utility>
#include <vector>

#include "nodes/image/image.h"
#include "nodes/text/conditioning.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr int64_t kMost = 65536;  // pixels of a side
constexpr In<Conditioning> kConditioning{.name = "conditioning", .doc = "Of the text."};
constexpr In<int64_t> kWidth{
    .name = "width", .doc = "Of the picture, in pixels.", .min = 1, .max = kMost, .optional = true};
constexpr In<int64_t> kHeight{.name = "height",
                              .doc = "Of the picture, in pixels.",
                              .min = 1,
                              .max = kMost,
                              .optional = true};
constexpr In<Image> kImage{.name = "image",
                           .doc = "A picture whose size to take, in place of width and height.",
                           .optional = true};
constexpr In<int64_t> kOriginalWidth{.name = "original_width",
                                     .doc =
                                         "How large the picture shall seem to have been before "
                                         "it was scaled; without it, width.",
                                     .min = 0,
                                     .max = kMost,
                                     .optional = true};
constexpr In<int64_t> kOriginalHeight{.name = "original_height",
                                      .doc = "The same; without it, height.",
                                      .min = 0,
                                      .max = kMost,
                                      .optional = true};
constexpr In<int64_t> kCropTop{.name = "crop_top",
                               .doc = "Rows that shall seem to be cut off above; 0: centred.",
                               .fallback = 0,
                               .min = 0,
                               .max = kMost};
constexpr In<int64_t> kCropLeft{.name = "crop_left",
                                .doc = "Columns that shall seem to be cut off on the left.",
                                .fallback = 0,
                                .min = 0,
                                .max = kMost};
constexpr In<int64_t> kTargetWidth{.name = "target_width",
                                   .doc = "Of the picture as it is cut; without it, width.",
                                   .min = 0,
                                   .max = kMost,
                                   .optional = true};
constexpr In<int64_t> kTargetHeight{.name = "target_height",
                                    .doc = "The same; without it, height.",
                                    .min = 0,
                                    .max = kMost,
                                    .optional = true};
constexpr In<double> kScore{.name = "aesthetic_score",
                            .doc =
                                "For a refiner, in place of the target size: how well it shall "
                                "look; diffusers takes 6, and 2.5 for the negative text.",
                            .min = 0,
                            .max = 100,
                            .optional = true};
constexpr Out<Conditioning> kOut{.name = "conditioning", .doc = "The same with sizes."};

absl::Status Run(NodeContext& ctx) {
  int64_t width = 0;
  int64_t height = 0;
  if (ctx.Has(kImage)) {
    const Tensor image = ctx.Get(kImage);
    if (image.rank() != 4) {
      return ctx.PortError(kImage, "expected [batch, height, width, channels], got ",
                           image.shape().ToString());
    }
    if (ctx.Has(kWidth) || ctx.Has(kHeight)) {
      return ctx.PortError(kImage, "says the size already: leave out \"width\" and \"height\"");
    }
    height = image.dim(1);
    width = image.dim(2);
  } else {
    for (const In<int64_t>& side : {kWidth, kHeight}) {
      if (!ctx.Has(side)) return ctx.PortError(side, "is missing: give it, or an \"image\"");
    }
    width = ctx.Get(kWidth);
    height = ctx.Get(kHeight);
  }
  const auto either = [&](const In<int64_t>& port, int64_t otherwise) {
    return static_cast<double>(ctx.Has(port) ? ctx.Get(port) : otherwise);
  };
  std::vector<double> sizes = {either(kOriginalHeight, height), either(kOriginalWidth, width),
                               either(kCropTop, 0), either(kCropLeft, 0)};
  if (ctx.Has(kScore)) {
    if (ctx.Has(kTargetWidth) || ctx.Has(kTargetHeight)) {
      return ctx.PortError(kScore,
                           "stands in place of the target size: a refiner takes the one, "
                           "a base model the other");
    }
    sizes.push_back(ctx.Get(kScore));
  } else {
    sizes.push_back(either(kTargetHeight, height));
    sizes.push_back(either(kTargetWidth, width));
  }
  std::vector<Conditioning::Entry> entries = ctx.Get(kConditioning)->entries();
  for (Conditioning::Entry& entry : entries) entry.sizes = sizes;
  ctx.Set(kOut, std::make_shared<const Conditioning>(std::move(entries)));
  return absl::OkStatus();
}

}  // namespace

NodeType SizeConditioningNode() {
  return {
      Contract{.type = "SizeConditioning",
               .doc = "The sizes that SDXL's UNets embed beside the text: original size, crop, "
                      "and target size or (a refiner's) aesthetic score.",
               .category = "text",
               .inputs = {kConditioning, kWidth, kHeight, kImage, kOriginalWidth, kOriginalHeight,
                          kCropTop, kCropLeft, kTargetWidth, kTargetHeight, kScore},
               .outputs = {kOut}},
      Run};
}

}  // namespace weft
