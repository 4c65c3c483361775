// Writes pictures below the output folder. A PNG carries the whole graph, so that it can be drawn
// again; several pictures are numbered.
#include "nodes/image/codec.h"
#include "nodes/image/image.h"
#include "nodes/image/pixels.h"
#include "nodes/image/png_text.h"
#include "nodes/io/numbered_path.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Image> kImage{.name = "image",
                           .doc = "what to save; f32 is rounded to 8 bits, a batch is numbered"};
constexpr In<Text> kPath{.name = "path",
                         .doc = "below the output folder; .png, .jpg, .jpeg or .webp"};
constexpr In<int64_t> kQuality{.name = "quality",
                               .doc = "of JPEG and WebP; 100 makes a WebP lossless",
                               .fallback = 95,
                               .min = 1,
                               .max = 100};
constexpr Out<ListOf<Text>> kFiles{.name = "files", .doc = "the paths written"};

absl::StatusOr<ImageFormat> Check(const NodeContext& ctx) {
  const Tensor image = ctx.Get(kImage);
  if (absl::Status bad = CheckImage(image); !bad.ok()) return ctx.PortError(kImage, bad.message());
  absl::StatusOr<ImageFormat> format = ImageFormatOf(ctx.Get(kPath));
  if (!format.ok()) return ctx.PortError(kPath, format.status().message());
  const absl::Status allowed = ctx.environment().CheckOutputPath(ctx.Get(kPath));
  if (!allowed.ok()) return ctx.PortError(kPath, allowed.message());
  if (*format == ImageFormat::kJpeg && image.dim(3) == 4) {
    return ctx.PortError(kImage, "a JPEG has no transparency; save four channels as PNG or WebP");
  }
  return format;
}

absl::Status Infer(NodeContext& ctx) {
  WEFT_RETURN_IF_ERROR(Check(ctx).status());
  ctx.Set(kFiles, {});
  // The 8-bit copy that Run works on.
  return ToU8(ctx.Get(kImage), ctx.allocator()).status();
}

absl::Status Run(NodeContext& ctx) {
  WEFT_ASSIGN_OR_RETURN(const ImageFormat format, Check(ctx));
  absl::StatusOr<Tensor> bytes = ToU8(ctx.Get(kImage), ctx.allocator());
  if (!bytes.ok()) return ctx.PortError(kImage, bytes.status().message());
  EncodeOptions options{.quality = static_cast<int>(ctx.Get(kQuality)), .text_key = "", .text = ""};
  if (!ctx.environment().graph_json.empty()) {
    options.text_key = std::string(kPngGraphKey);
    options.text = ctx.environment().graph_json;
  }
  const int64_t count = bytes->dim(0);
  std::vector<std::string> files;
  for (int64_t i = 0; i < count; ++i) {
    WEFT_ASSIGN_OR_RETURN(const std::string path,
                          ctx.environment().OutputPath(
                              count == 1 ? ctx.Get(kPath) : NumberedPath(ctx.Get(kPath), i)));
    WEFT_ASSIGN_OR_RETURN(const Tensor one, bytes->Rows(i, i + 1));
    absl::StatusOr<std::string> encoded = EncodeImage(one, format, options);
    if (!encoded.ok()) return Annotate(encoded.status(), absl::StrCat("\"", path, "\""));
    WEFT_RETURN_IF_ERROR(WriteFile(path, *encoded));
    files.push_back(path);
  }
  ctx.Set(kFiles, std::move(files));
  return absl::OkStatus();
}

}  // namespace

NodeType SaveImageNode() {
  return {.contract = {.type = "SaveImage",
                       .doc = "Writes pictures. A PNG carries the whole graph, so that it can be "
                              "drawn again.",
                       .category = "io",
                       .effect = true,
                       .light = true,
                       .inputs = {kImage, kPath, kQuality},
                       .outputs = {kFiles}},
          .run = Run,
          .infer = Infer};
}

}  // namespace weft
