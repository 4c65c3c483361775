#include "runtime/ops/pack.h"

#include <cstring>
#include <utility>
#include <vector>

#include "runtime/base/status_macros.h"
#include "runtime/ops/adapt.h"

namespace weft {
namespace {

// One matrix [out, in], or several on top of each other. f32 where their types differ.
absl::StatusOr<Tensor> Stacked(absl::Span<const Weight> weights, const Shape& shape,
                               Backend& backend, const Allocator& allocator) {
  if (weights.empty()) return Tensor();
  if (weights.size() == 1) {
    WEFT_ASSIGN_OR_RETURN(const Tensor weight, ReadAdapted(weights[0], backend, allocator));
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
                                                           bool int8, Backend& backend,
                                                           DType compute,
                                                           const Allocator& allocator) {
  return (int8 ? conv.int8_slot : conv.slot)
      .GetOrPack(
          backend, compute, allocator, conv.weight.scratch_bytes(),
          [&]() -> absl::StatusOr<std::shared_ptr<const Packed>> {
            const ConvSpec& spec = conv.spec;
            WEFT_ASSIGN_OR_RETURN(Tensor weight, ReadAdapted(conv.weight, backend, allocator));
            WEFT_ASSIGN_OR_RETURN(weight, weight.Reshape(Shape{spec.out_channels, spec.in_channels,
                                                               spec.kernel, spec.kernel}));
            WEFT_ASSIGN_OR_RETURN(const Tensor bias, ReadAdapted(conv.bias, backend, allocator));
            if (int8) {
              return backend.PackConvInt8(spec, weight, bias, *conv.int8, sources, compute,
                                          allocator);
            }
            return backend.PackConv(spec, weight, bias, sources, compute, allocator);
          });
}

absl::StatusOr<std::shared_ptr<const Packed>> PackedLinearOf(const LinearWeights& linear,
                                                             const Tensor& x, bool int8,
                                                             Backend& backend, DType compute,
                                                             const Allocator& allocator) {
  return (int8 ? linear.int8_slot : linear.slot)
      .GetOrPack(backend, compute, allocator,
                 linear.weights.empty() ? 0 : linear.weights[0].scratch_bytes(),
                 [&]() -> absl::StatusOr<std::shared_ptr<const Packed>> {
                   WEFT_ASSIGN_OR_RETURN(
                       const Tensor weight,
                       Stacked(linear.weights, Shape{linear.out, linear.in}, backend, allocator));
                   WEFT_ASSIGN_OR_RETURN(
                       const Tensor bias,
                       Stacked(linear.biases, Shape{linear.out}, backend, allocator));
                   if (int8) {
                     return backend.PackLinearInt8(weight, bias, linear.gated, *linear.int8, x,
                                                   compute, allocator);
                   }
                   return backend.PackLinear(weight, bias, linear.gated, x, compute, allocator);
                 });
}

absl::StatusOr<std::shared_ptr<const PackedNorm>> PackedNormOf(const NormWeights& norm,
                                                               Backend& backend,
                                                               const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(
      const std::shared_ptr<const Packed> packed,
      norm.slot.GetOrPack(
          backend, DType::kF32, allocator, norm.gamma.scratch_bytes(),
          [&]() -> absl::StatusOr<std::shared_ptr<const Packed>> {
            auto made = std::make_shared<PackedNorm>();
            WEFT_ASSIGN_OR_RETURN(made->gamma, NormVector(norm.gamma, backend, allocator));
            WEFT_ASSIGN_OR_RETURN(made->beta, NormVector(norm.beta, backend, allocator));
            return made;
          }));
  return std::static_pointer_cast<const PackedNorm>(packed);
}

}  // namespace weft
