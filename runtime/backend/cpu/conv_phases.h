#ifndef WEFT_RUNTIME_BACKEND_CPU_CONV_PHASES_H_
#define WEFT_RUNTIME_BACKEND_CPU_CONV_PHASES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/backend/backend.h"
#include "runtime/backend/cpu/kernels/pack_weights.h"
#include "runtime/backend/cpu/kernels/winograd.h"
#include "runtime/backend/cpu/onednn.h"

// What convolutions of values and of 8-bit codes have in common: nearest doubling followed by a
// convolution is, for each parity of the output's rows and columns, a smaller convolution of the
// small picture, where taps that read the same pixel are added up. Any other convolution is one
// such phase.
namespace weft::cpu {

struct ConvGeometry {
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t pad_top = 0;
  int64_t pad_left = 0;
  int64_t pad_bottom = 0;
  int64_t pad_right = 0;

  int64_t OutHeight(int64_t h) const { return (h + pad_top + pad_bottom - kernel) / stride + 1; }
  int64_t OutWidth(int64_t w) const { return (w + pad_left + pad_right - kernel) / stride + 1; }
};

struct PhaseSpec {
  ConvGeometry geometry;
  TapSums sums;  // of the kernel's taps
};
// One, or those of a doubled picture: (0, 0), (0, 1), (1, 0), (1, 1).
std::vector<PhaseSpec> PhasesOf(const ConvSpec& spec);

// y = activation(x·w + bias + addend) + residual
struct ConvCall {
  absl::Span<const ConvSource> sources;
  DType input = DType::kF32;  // of the sources; u8: codes, with the border that the phase reads
  int64_t batch = 0;
  int64_t height = 0;  // of the pictures, without a border
  int64_t width = 0;
  const float* bias = nullptr;  // [out_channels] or null
  float* addend = nullptr;      // [batch, h', w', out_channels] or null; used up
  Activation activation = Activation::kNone;
  ResidualMode residual_mode = ResidualMode::kNone;
  const void* residual = nullptr;  // where kSeparate
  void* output = nullptr;          // holds the residual where kInPlace
  bool last_use = false;           // of the weights, where they are packed in parts
};

class ConvPhase {
 public:
  virtual ~ConvPhase() = default;
  virtual const ConvGeometry& geometry() const = 0;
  virtual const float* bias() const = 0;  // [out_channels] or null
  virtual absl::Status Run(const ConvCall& call, const Allocator& allocator) const = 0;
};

struct PhasedConv {
  ConvSpec spec;
  DType compute = DType::kF32;  // of the result
  std::vector<std::unique_ptr<ConvPhase>> phases;
};

// See Backend::Conv2d.
absl::StatusOr<Tensor> RunPhases(const PhasedConv& conv, absl::Span<const Tensor> sources,
                                 Epilogue epilogue, const Allocator& allocator);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_CONV_PHASES_H_
