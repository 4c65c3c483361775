#include "runtime/ops/pack.h"

#include <cstring>
#include <utility>
#include <vector>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// Memory that stands for what is not counted: mapped files, and what dry runs never have.
Tensor Uncounted(DType dtype, const Shape& shape) {
  return Tensor::Allocate(Allocator(Device::kMeta), dtype, shape).value_or(Tensor());
}

// One matrix [out, in], or several on top of each other. f32 where their types differ.
absl::StatusOr<Tensor> Stacked(absl::Span<const Weight> weights, const Shape& shape, Device device,
                               const Allocator& allocator) {
  if (weights.empty()) return Tensor();
  if (weights.size() == 1) {
    WEFT_ASSIGN_OR_RETURN(const Tensor weight, ReadWeight(weights[0], device));
    return weight.Reshape(shape);
  }
  DType dtype = weights[0].dtype();
  for (const Weight& weight : weights) {
    if (weight.dtype() != dtype) dtype = DType::kF32;
  }
  WEFT_ASSIGN_OR_RETURN(Tensor stacked, Tensor::Allocate(allocator, dtype, shape));
  if (device == Device::kMeta) return stacked;
  auto* target = stacked.mutable_data<std::byte>();
  for (const Weight& weight : weights) {
    WEFT_ASSIGN_OR_RETURN(const Tensor part, weight.Read());
    ConvertElements(part.raw(), part.dtype(), target, dtype, part.numel());
    target += static_cast<size_t>(part.numel()) * SizeOf(dtype);
  }
  return stacked;
}

absl::StatusOr<Tensor> NormVector(const Weight& weight, Device device, const Allocator& allocator) {
  if (weight.empty()) return Tensor();
  WEFT_ASSIGN_OR_RETURN(const Tensor stored, ReadWeight(weight, device));
  WEFT_ASSIGN_OR_RETURN(Tensor copy, Tensor::Allocate(allocator, DType::kF32, stored.shape()));
  if (device != Device::kMeta) {
    ConvertElements(stored.raw(), stored.dtype(), copy.mutable_data<float>(), DType::kF32,
                    stored.numel());
  }
  return copy;
}

}  // namespace

absl::StatusOr<Tensor> ReadWeight(const Weight& weight, Device device) {
  if (weight.empty()) return Tensor();
  if (device == Device::kMeta) return Uncounted(weight.dtype(), weight.shape());
  return weight.Read();
}

absl::StatusOr<std::shared_ptr<const Packed>> PackedConvOf(const ConvWeights& conv,
                                                           absl::Span<const Tensor> sources,
                                                           Backend& backend, DType compute,
                                                           const Allocator& allocator) {
  return conv.slot.GetOrPack(
      backend, compute, allocator, conv.weight.scratch_bytes(),
      [&]() -> absl::StatusOr<std::shared_ptr<const Packed>> {
        const ConvSpec& spec = conv.spec;
        WEFT_ASSIGN_OR_RETURN(Tensor weight, ReadWeight(conv.weight, backend.device()));
        WEFT_ASSIGN_OR_RETURN(weight, weight.Reshape(Shape{spec.out_channels, spec.in_channels,
                                                           spec.kernel, spec.kernel}));
        WEFT_ASSIGN_OR_RETURN(const Tensor bias, ReadWeight(conv.bias, backend.device()));
        return backend.PackConv(spec, weight, bias, sources, compute, allocator);
      });
}

absl::StatusOr<std::shared_ptr<const Packed>> PackedLinearOf(const LinearWeights& linear,
                                                             const Tensor& x, Backend& backend,
                                                             DType compute,
                                                             const Allocator& allocator) {
  return linear.slot.GetOrPack(
      backend, compute, allocator, linear.weights.empty() ? 0 : linear.weights[0].scratch_bytes(),
      [&]() -> absl::StatusOr<std::shared_ptr<const Packed>> {
        const Device device = backend.device();
        WEFT_ASSIGN_OR_RETURN(
            const Tensor weight,
            Stacked(linear.weights, Shape{linear.out, linear.in}, device, allocator));
        WEFT_ASSIGN_OR_RETURN(const Tensor bias,
                              Stacked(linear.biases, Shape{linear.out}, device, allocator));
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
            WEFT_ASSIGN_OR_RETURN(made->gamma, NormVector(norm.gamma, backend.device(), allocator));
            WEFT_ASSIGN_OR_RETURN(made->beta, NormVector(norm.beta, backend.device(), allocator));
            return made;
          }));
  return std::static_pointer_cast<const PackedNorm>(packed);
}

}  // namespace weft
