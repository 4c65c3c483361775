// A picture from a file, and its mask: 1 - alpha, so that transparent places are painted.
#include "nodes/image/codec.h"
#include "nodes/image/image.h"
#include "nodes/io/split_alpha.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Text> kPath{.name = "path",
                         .doc = "a PNG, JPEG or WebP file; relative to the graph's folder"};
constexpr Out<Image> kImage{.name = "image", .doc = "[1, h, w, 3] u8"};
constexpr Out<Mask> kMask{.name = "mask",
                          .doc = "[1, h, w, 1] f32: 1 - alpha; all 0 where the file has no alpha"};

absl::StatusOr<std::string> Path(const NodeContext& ctx) {
  absl::StatusOr<std::string> path = ctx.environment().InputPath(ctx.Get(kPath));
  if (!path.ok() && !absl::IsNotFound(path.status())) {
    return ctx.PortError(kPath, path.status().message());
  }
  return path;
}

absl::Status Infer(NodeContext& ctx) {
  WEFT_ASSIGN_OR_RETURN(const std::string path, Path(ctx));
  WEFT_ASSIGN_OR_RETURN(const ImageHeader header, ReadImageFileHeader(path));
  WEFT_ASSIGN_OR_RETURN(Tensor image, Tensor::Allocate(ctx.allocator(), DType::kU8,
                                                       Shape{1, header.height, header.width, 3}));
  WEFT_ASSIGN_OR_RETURN(Tensor mask, Tensor::Allocate(ctx.allocator(), DType::kF32,
                                                      Shape{1, header.height, header.width, 1}));
  ctx.Set(kImage, std::move(image));
  ctx.Set(kMask, std::move(mask));
  return absl::OkStatus();
}

absl::Status Run(NodeContext& ctx) {
  WEFT_ASSIGN_OR_RETURN(const std::string path, Path(ctx));
  WEFT_ASSIGN_OR_RETURN(const Tensor image, DecodeImageFile(path, ctx.allocator()));
  WEFT_ASSIGN_OR_RETURN(ColourAndMask split, SplitAlpha(image, ctx.allocator()));
  ctx.Set(kImage, std::move(split.colour));
  ctx.Set(kMask, std::move(split.mask));
  return absl::OkStatus();
}

}  // namespace

NodeType LoadImageNode() {
  return {.contract = {.type = "LoadImage",
                       .doc = "A picture from a file, and its mask: 1 - alpha.",
                       .category = "io",
                       .light = true,
                       .inputs = {kPath},
                       .outputs = {kImage, kMask}},
          .run = Run,
          .infer = Infer};
}

}  // namespace weft
