// Numbers from a .safetensors(.zst) or .npy file, as the kind of value they are to be.
#include "nodes/io/tensor_file.h"
#include "nodes/text/conditioning.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Text> kPath{.name = "path",
                         .doc =
                             "a .safetensors, .safetensors.zst or .npy file; relative to the "
                             "graph's folder"};
constexpr In<Text> kName{.name = "name",
                         .doc = "of the tensor; without it \"value\", or the only one there is",
                         .optional = true};
constexpr absl::string_view kKinds[] = {"tensor", "tokens", "conditioning", "latent", "image"};
constexpr In<Text> kAs{.name = "as",
                       .doc =
                           "what it becomes: tokens [b, n] i32; conditioning [b, n, width] f32, "
                           "with the tensor \"pooled\" beside it; latent [b, c, h, w] f32; "
                           "image [b, h, w, c] u8 or f32",
                       .fallback = "tensor",
                       .choices = kKinds};
constexpr Out<Any> kValue{.name = "value", .doc = "the tensor, or the conditioning"};

absl::Status Load(NodeContext& ctx, bool read) {
  absl::StatusOr<std::string> path = ctx.environment().InputPath(ctx.Get(kPath));
  if (!path.ok()) return path.status();
  WEFT_ASSIGN_OR_RETURN(const TensorFile file, TensorFile::Open(*path));
  TensorKind kind = TensorKind::kTensor;
  const std::string as = ctx.Get(kAs);
  for (size_t i = 0; i < 5; ++i) {
    if (as == kKinds[i]) kind = static_cast<TensorKind>(i);
  }
  const auto get = [&](absl::string_view name, TensorKind wanted) -> absl::StatusOr<Tensor> {
    WEFT_ASSIGN_OR_RETURN(const Tensor stored, file.Get(name, read, ctx.allocator()));
    absl::StatusOr<Tensor> tensor = AsKind(stored, wanted, ctx.allocator());
    if (!tensor.ok()) return Annotate(tensor.status(), absl::StrCat("\"", file.path(), "\""));
    return tensor;
  };
  std::string name = ctx.Has(kName) ? ctx.Get(kName) : "";
  WEFT_ASSIGN_OR_RETURN(Tensor tensor, get(name, kind));
  if (kind != TensorKind::kConditioning) {
    ctx.Set(kValue, Value(std::move(tensor)));
    return absl::OkStatus();
  }
  Conditioning::Entry entry;
  entry.tokens = std::move(tensor);
  if (name != kPooledName && file.Has(kPooledName)) {
    WEFT_ASSIGN_OR_RETURN(Tensor pooled, file.Get(kPooledName, read, ctx.allocator()));
    if (pooled.rank() == 1) {
      WEFT_ASSIGN_OR_RETURN(pooled, pooled.Reshape(Shape{1, pooled.dim(0)}));
    }
    if (pooled.rank() != 2 || pooled.dim(0) != entry.tokens.dim(0)) {
      return Invalid("\"", file.path(), "\": \"pooled\" has shape ", pooled.shape().ToString(),
                     ", expected [", entry.tokens.dim(0), ", width]");
    }
    WEFT_ASSIGN_OR_RETURN(entry.pooled, pooled.To(DType::kF32, ctx.allocator()));
  }
  std::vector<Conditioning::Entry> entries;
  entries.push_back(std::move(entry));
  ctx.Set(kValue,
          Value(std::shared_ptr<const Object>(std::make_shared<Conditioning>(std::move(entries)))));
  return absl::OkStatus();
}

absl::Status Infer(NodeContext& ctx) { return Load(ctx, /*read=*/false); }
absl::Status Run(NodeContext& ctx) { return Load(ctx, /*read=*/true); }

}  // namespace

NodeType LoadTensorNode() {
  return {.contract = {.type = "LoadTensor",
                       .doc = "Numbers from a .safetensors(.zst) or .npy file, as the kind of "
                              "value they are to be.",
                       .category = "io",
                       .light = true,
                       .inputs = {kPath, kName, kAs},
                       .outputs = {kValue}},
          .run = Run,
          .infer = Infer};
}

}  // namespace weft
