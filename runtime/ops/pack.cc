#include "runtime/ops/pack.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/backend/footprint.h"
#include "runtime/base/status_macros.h"
#include "runtime/ops/adapt.h"

namespace weft {
namespace {

// What reading holds besides what it allocates here: the stored tensor, as pages of its file or as
// a copy, and what its file takes on top. `to_pack`: by what lets go of pages on its way.
size_t ReadingBytes(const Weight& weight, bool to_pack) {
  const size_t bytes = static_cast<size_t>(weight.shape().numel()) * SizeOf(weight.dtype());
  const bool in_windows = to_pack && weight.lends() && weight.merged().empty();
  return (in_windows ? std::min(bytes, kPackingWindow) : bytes) + weight.scratch_bytes();
}

// A weight for a backend to pack, which looks at its values itself.
absl::StatusOr<Tensor> ReadToPack(const Weight& weight, Backend& backend,
                                  const Allocator& allocator) {
  const bool stored = weight.merged().empty() && backend.device() != Device::kMeta;
  return stored ? weight.ReadUnchecked() : ReadAdapted(weight, backend, allocator);
}

// One matrix [out, in], or several on top of each other. f32 where their types differ.
absl::StatusOr<Tensor> Stacked(absl::Span<const Weight> weights, const Shape& shape,
                               Backend& backend, const Allocator& allocator) {
  if (weights.empty()) return Tensor();
  if (weights.size() == 1) {
    WEFT_ASSIGN_OR_RETURN(const Tensor weight, ReadToPack(weights[0], backend, allocator));
    return weight.Reshape(shape);
  }
  DType dtype = weights[0].dtype();
  for (const Weight& weight : weights) {
    if (weight.dtype() != dtype || !weight.merged().empty()) dtype = DType::kF32;
  }
  WEFT_ASSIGN_OR_RETURN(Tensor stacked, Tensor::Allocate(allocator, dtype, shape));
  auto* target = stacked.is_meta() ? nullptr : stacked.mutable_data<std::byte>();
  for (const Weight& weight : weights) {
    WEFT_ASSIGN_OR_RETURN(const Tensor part, ReadAdapted(weight, backend, allocator));
    if (target == nullptr) continue;
    ConvertElements(part.raw(), part.dtype(), target, dtype, part.numel());
    target += static_cast<size_t>(part.numel()) * SizeOf(dtype);
  }
  return stacked;
}

absl::StatusOr<Tensor> NormVector(const Weight& weight, Backend& backend,
                                  const Allocator& allocator) {
  if (weight.empty()) return Tensor();
  WEFT_ASSIGN_OR_RETURN(const Tensor stored, ReadAdapted(weight, backend, allocator));
  WEFT_ASSIGN_OR_RETURN(Tensor copy, Tensor::Allocate(allocator, DType::kF32, stored.shape()));
  if (!copy.is_meta()) {
    ConvertElements(stored.raw(), stored.dtype(), copy.mutable_data<float>(), DType::kF32,
                    stored.numel());
  }
  return copy;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Packed>> PackedConvOf(const ConvWeights& conv,
                                                           absl::Span<const Tensor> sources,
                                                           bool int8, const Packer& packer) {
  return (int8 ? conv.int8_slot : conv.slot)
      .GetOrPack(
          {packer.backend, packer.compute, packer.allocator, packer.keep,
           ReadingBytes(conv.weight, /*to_pack=*/true),
           static_cast<size_t>(conv.weight.shape().numel()) *
               (int8 ? sizeof(uint8_t) : SizeOf(packer.compute))},
          [&](const Allocator& allocator,
              bool once) -> absl::StatusOr<std::shared_ptr<const Packed>> {
            const ConvSpec& spec = conv.spec;
            WEFT_ASSIGN_OR_RETURN(Tensor weight,
                                  ReadToPack(conv.weight, packer.backend, allocator));
            WEFT_ASSIGN_OR_RETURN(weight, weight.Reshape(Shape{spec.out_channels, spec.in_channels,
                                                               spec.kernel, spec.kernel}));
            WEFT_ASSIGN_OR_RETURN(const Tensor bias,
                                  ReadAdapted(conv.bias, packer.backend, allocator));
            if (int8) {
              return packer.backend.PackConvInt8(spec, weight, bias, *conv.int8, sources,
                                                 packer.compute, allocator);
            }
            if (once) {
              return packer.backend.PackConvForOneUse(spec, weight, bias, sources, packer.compute,
                                                      allocator);
            }
            return packer.backend.PackConv(spec, weight, bias, sources, packer.compute, allocator);
          });
}

absl::StatusOr<std::shared_ptr<const Packed>> PackedLinearOf(const LinearWeights& linear,
                                                             const Tensor& x, bool int8,
                                                             const Packer& packer) {
  size_t reading = 0;  // one after the other
  for (const Weight& weight : linear.weights) {
    reading = std::max(reading, ReadingBytes(weight, linear.weights.size() == 1));
  }
  return (int8 ? linear.int8_slot : linear.slot)
      .GetOrPack(
          {packer.backend, packer.compute, packer.allocator, packer.keep, reading},
          [&](const Allocator& allocator, bool) -> absl::StatusOr<std::shared_ptr<const Packed>> {
            WEFT_ASSIGN_OR_RETURN(
                const Tensor weight,
                Stacked(linear.weights, Shape{linear.out, linear.in}, packer.backend, allocator));
            WEFT_ASSIGN_OR_RETURN(const Tensor bias, Stacked(linear.biases, Shape{linear.out},
                                                             packer.backend, allocator));
            if (int8) {
              return packer.backend.PackLinearInt8(weight, bias, linear.gated, *linear.int8, x,
                                                   packer.compute, allocator);
            }
            return packer.backend.PackLinear(weight, bias, linear.gated, x, packer.compute,
                                             allocator);
          });
}

absl::Status Located(absl::Status status, absl::Span<const Weight> weights) {
  if (!absl::IsDataLoss(status)) return status;
  for (const Weight& weight : weights) WEFT_RETURN_IF_ERROR(weight.Read().status());
  return status;
}

absl::StatusOr<std::shared_ptr<const PackedNorm>> PackedNormOf(const NormWeights& norm,
                                                               const Packer& packer) {
  WEFT_ASSIGN_OR_RETURN(
      std::shared_ptr<const Packed> packed,
      norm.slot.GetOrPack(
          {packer.backend, DType::kF32, packer.allocator, packer.keep,
           ReadingBytes(norm.gamma, /*to_pack=*/false)},
          [&](const Allocator& allocator, bool) -> absl::StatusOr<std::shared_ptr<const Packed>> {
            auto made = std::make_shared<PackedNorm>();
            WEFT_ASSIGN_OR_RETURN(made->gamma, NormVector(norm.gamma, packer.backend, allocator));
            WEFT_ASSIGN_OR_RETURN(made->beta, NormVector(norm.beta, packer.backend, allocator));
            return made;
          }));
  return std::static_pointer_cast<const PackedNorm>(std::move(packed));
}

}  // namespace weft
