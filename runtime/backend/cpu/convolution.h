#ifndef WEFT_RUNTIME_BACKEND_CPU_CONVOLUTION_H_
#define WEFT_RUNTIME_BACKEND_CPU_CONVOLUTION_H_

#include <compare>
#include <map>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "runtime/backend/backend.h"
#include "runtime/backend/cpu/kernels/winograd.h"
#include "runtime/backend/cpu/onednn.h"

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

enum class ResidualMode : uint8_t { kNone, kInPlace, kSeparate };

// y = activation(x·w + bias + addend) + residual
struct ConvCall {
  absl::Span<const ConvSource> sources;
  int64_t batch = 0;
  int64_t height = 0;
  int64_t width = 0;
  const float* bias = nullptr;  // [out_channels]
  float* addend = nullptr;      // [batch, h', w', out_channels] or null; used up
  Activation activation = Activation::kNone;
  ResidualMode residual_mode = ResidualMode::kNone;
  const void* residual = nullptr;  // where kSeparate
  void* output = nullptr;          // holds the residual where kInPlace
};

// A convolution without upsampling: its weights for each split of the input channels into sources,
// and its primitives for each shape.
class PlainConv {
 public:
  // `weight` [out, in, k, k] in any float type. The kernel's taps are its taps, or sums of them.
  PlainConv(const ConvGeometry& geometry, DType compute, Tensor weight, TapSums sums = {})
      : geometry_(geometry), compute_(compute), plain_(std::move(weight)), sums_(std::move(sums)) {}

  const ConvGeometry& geometry() const { return geometry_; }
  // Packs the weights for sources of these shapes, and lets go of the plain ones.
  absl::Status Pack(absl::Span<const int64_t> channels, int64_t batch, int64_t height,
                    int64_t width, const Allocator& allocator) const;
  absl::Status Run(const ConvCall& call, const Allocator& allocator) const;

 private:
  struct Key {
    size_t slice;
    int64_t batch, height, width;
    Activation activation;
    ResidualMode residual;
    bool bias, addend, to_f32, accumulate;
    int threads;  // oneDNN cuts the work up when a primitive is made
    auto operator<=>(const Key&) const = default;
  };
  // The weights of the channels first .. first + count.
  struct Slice {
    int64_t first = 0;
    int64_t count = 0;
    WeightLayouts layouts;
  };

  absl::StatusOr<std::vector<size_t>> SlicesFor(absl::Span<const int64_t> channels,
                                                const Allocator& allocator) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::shared_ptr<const Prepared>> Prepare(const Key& key,
                                                          const Allocator& allocator) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  dnnl::convolution_forward::primitive_desc Describe(const Key& key,
                                                     const dnnl::memory::desc& weights) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  dnnl::memory::desc AnyLayout(const Slice& slice) const;
  // How many of key.threads may work on it; see ThreadsWithTheBitsOfOne.
  int SafeThreads(const Key& key, absl::FunctionRef<dnnl::primitive_desc()> describe) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RunStep(const Key& key, const ConvSource& source, const ConvCall& call, void* output,
                       const Allocator& allocator) const;

  const ConvGeometry geometry_;
  const DType compute_;
  mutable absl::Mutex mutex_;
  mutable Tensor plain_ ABSL_GUARDED_BY(mutex_);  // while it is being packed
  mutable TapSums sums_ ABSL_GUARDED_BY(mutex_);  // of the taps of plain_
  mutable std::vector<Slice> slices_ ABSL_GUARDED_BY(mutex_);
  mutable std::map<Key, std::shared_ptr<const Prepared>> prepared_ ABSL_GUARDED_BY(mutex_);
};

// Nearest doubling followed by a convolution is, for each parity of the output's rows and columns,
// a smaller convolution of the small picture: taps that read the same pixel are added up.
struct ConvPhase {
  ConvGeometry geometry;
  TapSums sums;
};
ConvPhase PhaseOf(const ConvSpec& spec, int64_t row, int64_t column);

// See Backend::PackConv and Backend::Conv2d.
absl::StatusOr<std::shared_ptr<const Packed>> PackConvolution(
    const ConvSpec& spec, const Tensor& weight, const Tensor& bias,
    absl::Span<const Tensor> sources, DType compute, const Allocator& allocator);
absl::StatusOr<Tensor> RunConvolution(const Packed& packed, absl::Span<const Tensor> sources,
                                      Epilogue epilogue, const Allocator& allocator);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_CONVOLUTION_H_
