// Convolutions of 8-bit codes as the backend offers them.
#include <utility>

#include "runtime/backend/cpu/int8_layers.h"
#include "runtime/backend/cpu/int8_plain_conv.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

struct PackedInt8Conv : Packed {
  PhasedConv phased;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Packed>> PackInt8Convolution(
    const ConvSpec& spec, const Tensor& weight, const Tensor& bias, const Int8Input& input,
    absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) {
  auto packed = std::make_shared<PackedInt8Conv>();
  packed->phased.spec = spec;
  packed->phased.compute = compute;
  Tensor bias_f32;
  if (!bias.empty()) {
    WEFT_ASSIGN_OR_RETURN(bias_f32, bias.To(DType::kF32, allocator));
  }
  const auto maker = std::make_shared<const CodeMaker>(input);
  const Tensor& like = sources[0];
  const int64_t border = like.dtype() == DType::kU8 ? spec.pad_begin + spec.pad_end : 0;
  std::vector<PhaseSpec> phases = PhasesOf(spec);
  for (PhaseSpec& phase : phases) {
    auto conv = std::make_unique<Int8PlainConv>(phase.geometry, compute, maker);
    WEFT_RETURN_IF_ERROR(conv->Pack(
        weight, std::move(phase.sums), input, bias_f32.empty() ? nullptr : bias_f32.data<float>(),
        like.dim(0), like.dim(1) - border, like.dim(2) - border, allocator));
    packed->phased.phases.push_back(std::move(conv));
  }
  return packed;
}

bool IsInt8Convolution(const Packed& packed) {
  return dynamic_cast<const PackedInt8Conv*>(&packed) != nullptr;
}

absl::StatusOr<Tensor> RunInt8Convolution(const Packed& packed, absl::Span<const Tensor> sources,
                                          Epilogue epilogue, const Allocator& allocator) {
  return RunPhases(static_cast<const PackedInt8Conv&>(packed).phased, sources, std::move(epilogue),
                   allocator);
}

}  // namespace weft::cpu
