// Writes numbers below the output folder, as a .safetensors or .npy file.
#include "nodes/io/tensor_file.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"
#include "runtime/weights/npy.h"
#include "runtime/weights/safetensors.h"

namespace weft {
namespace {

constexpr In<Any> kValue{.name = "value",
                         .doc =
                             "a tensor of any kind, a list of them (name.0, name.1 …), or a "
                             "conditioning (its tokens, and \"pooled\")"};
constexpr In<Text> kPath{.name = "path", .doc = "below the output folder; .safetensors or .npy"};
constexpr In<Text> kName{
    .name = "name", .doc = "of the tensor in a .safetensors file", .fallback = "value"};

using Tensors = absl::btree_map<std::string, Tensor>;

absl::StatusOr<Tensors> Check(const NodeContext& ctx) {
  const absl::StatusOr<bool> npy = IsNpyPath(ctx.Get(kPath));
  if (!npy.ok()) return ctx.PortError(kPath, npy.status().message());
  const absl::Status allowed = ctx.environment().CheckOutputPath(ctx.Get(kPath));
  if (!allowed.ok()) return ctx.PortError(kPath, allowed.message());
  if (ctx.Get(kName).empty()) return ctx.PortError(kName, "is empty");
  absl::StatusOr<Tensors> tensors = TensorsOf(ctx.Get(kValue), ctx.Get(kName));
  if (!tensors.ok()) return ctx.PortError(kValue, tensors.status().message());
  if (*npy && tensors->size() > 1) {
    return ctx.PortError(kPath, "an npy file holds one tensor, but there are ", tensors->size(),
                         " to save; use .safetensors");
  }
  return tensors;
}

absl::Status Infer(NodeContext& ctx) { return Check(ctx).status(); }

absl::Status Run(NodeContext& ctx) {
  WEFT_ASSIGN_OR_RETURN(const Tensors tensors, Check(ctx));
  WEFT_ASSIGN_OR_RETURN(const std::string path, ctx.environment().OutputPath(ctx.Get(kPath)));
  WEFT_ASSIGN_OR_RETURN(const bool npy, IsNpyPath(path));
  return npy ? WriteNpy(path, tensors.begin()->second) : WriteSafetensors(path, tensors);
}

}  // namespace

NodeType SaveTensorNode() {
  return {.contract = {.type = "SaveTensor",
                       .doc = "Writes numbers as a .safetensors or .npy file.",
                       .category = "io",
                       .effect = true,
                       .light = true,
                       .inputs = {kValue, kPath, kName},
                       .outputs = {}},
          .run = Run,
          .infer = Infer};
}

}  // namespace weft
