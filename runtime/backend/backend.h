#ifndef WEFT_RUNTIME_BACKEND_BACKEND_H_
#define WEFT_RUNTIME_BACKEND_BACKEND_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/tensor/int8_input.h"
#include "runtime/tensor/tensor.h"

namespace weft {

enum class Activation : uint8_t { kNone, kSilu, kGelu, kGeluTanh, kQuickGelu, kRelu };

// A 2-D convolution over NHWC activations; weights are given as [out, in, kernel_h, kernel_w].
struct ConvSpec {
  int64_t in_channels = 0;  // of all sources together
  int64_t out_channels = 0;
  int64_t kernel = 3;
  int64_t stride = 1;
  int64_t pad_begin = 1;  // top and left
  int64_t pad_end = 1;    // bottom and right
  // Doubles the picture by nearest neighbour before the convolution, without writing it down.
  bool upsample = false;
};

// What follows a convolution or a matrix product, in this order:
//   y = activation(x·w + bias + per_channel + addend) + residual
// or, where `gated`: [a | g] = x·w + bias + addend; y = a · activation(g), half as wide (GEGLU).
struct Epilogue {
  Activation activation = Activation::kNone;
  bool gated = false;
  Tensor per_channel;  // [batch, channels] in the compute type, or empty
  Tensor addend;       // of linear layers: as wide as w has rows; or empty
  Tensor residual;     // the shape of y, or empty; its memory may become y's
  // Of a layer packed by PackLinearInt8, without a residual: y is told in these codes (u8), for the
  // layer that reads it. Or null.
  const Int8Input* codes = nullptr;
};

// Columns first … first + count of the rows of `tensor` [batch, rows, width]: q, k and v can be
// windows of one merged projection.
struct Columns {
  Tensor tensor;
  int64_t first = 0;
  int64_t count = 0;
};

struct AttentionSpec {
  int64_t heads = 1;
  float scale = 1.0f;   // usually 1/sqrt(head width)
  bool causal = false;  // row i sees rows 0..i
};

// For each of some rows the one most like it among others.
struct NearestRow {
  Tensor index;   // [batch, from] i32: places in the list of the others
  Tensor cosine;  // [batch, from] f32
};

class LayerObserver;  // runtime/ops; backends hand it on and never look inside

// Weights in a device's own layout; only the backend that packed them can read them.
class Packed {
 public:
  virtual ~Packed() = default;
};

// What a device must compute. Activations are dense NHWC or [batch, rows, width], in the compute
// type (f32 or bf16); sums are kept in f32 everywhere. Shapes have been checked by Ops, so errors
// are those of the device: no memory, no such primitive. Results do not depend on the number of
// threads. Methods are safe to call from several threads at once.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual Device device() const = 0;
  virtual absl::string_view name() const = 0;
  // Who looks on at the layers that are computed, or null; set while nothing runs.
  LayerObserver* observer() const { return observer_; }
  void set_observer(LayerObserver* observer) { observer_ = observer; }

  // `weight` [out, in, k, k] in any float type, `bias` [out] or empty. `sources` are those of the
  // first use: their shapes tell which layout is best. Every other shape works too. DATA_LOSS where
  // a value of the weight is NaN or infinite, which whoever packs need not have looked for.
  virtual absl::StatusOr<std::shared_ptr<const Packed>> PackConv(
      const ConvSpec& spec, const Tensor& weight, const Tensor& bias,
      absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) = 0;
  // The same for one Conv2d, which tells the errors then: it may hold `weight` and pack parts of it
  // as their turn comes, so that they are not in memory together.
  virtual absl::StatusOr<std::shared_ptr<const Packed>> PackConvForOneUse(
      const ConvSpec& spec, const Tensor& weight, const Tensor& bias,
      absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) = 0;
  // `sources` are side by side in the channel axis: a skip connection is never concatenated.
  virtual absl::StatusOr<Tensor> Conv2d(const Packed& packed, absl::Span<const Tensor> sources,
                                        Epilogue epilogue, const Allocator& allocator) = 0;

  // `weight` [out, in], `bias` [out] or empty. `gated`: rows of a and of g as two halves. `x` is
  // that of the first use, for its shape. DATA_LOSS as above.
  virtual absl::StatusOr<std::shared_ptr<const Packed>> PackLinear(const Tensor& weight,
                                                                   const Tensor& bias, bool gated,
                                                                   const Tensor& x, DType compute,
                                                                   const Allocator& allocator) = 0;
  // x [..., in] → [..., out].
  virtual absl::StatusOr<Tensor> Linear(const Packed& packed, const Tensor& x, Epilogue epilogue,
                                        const Allocator& allocator) = 0;

  // Whether products of 8-bit codes are native here, with results of this type. Only then may the
  // methods named Int8 be called.
  virtual bool HasInt8(DType compute) const = 0;
  // The same layers in 8 bits, run by Conv2d and Linear: the input is told in codes as `input`
  // says, the weights with one scale for each output channel. The only source may be codes already
  // (u8), as the norms below give them.
  virtual absl::StatusOr<std::shared_ptr<const Packed>> PackConvInt8(
      const ConvSpec& spec, const Tensor& weight, const Tensor& bias, const Int8Input& input,
      absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) = 0;
  virtual absl::StatusOr<std::shared_ptr<const Packed>> PackLinearInt8(
      const Tensor& weight, const Tensor& bias, bool gated, const Int8Input& input, const Tensor& x,
      DType compute, const Allocator& allocator) = 0;

  // Normalises groups of channels over all positions; `sources` are side by side in the channel
  // axis and come out as one tensor; where one is alone and the last reference, its memory becomes
  // the result's. gamma, beta: [channels] f32. Then the activation.
  virtual absl::StatusOr<Tensor> GroupNorm(absl::Span<Tensor> sources, const Tensor& gamma,
                                           const Tensor& beta, int64_t groups, float eps,
                                           Activation activation, const Allocator& allocator) = 0;
  // Over the last axis. gamma, beta: [width] f32.
  virtual absl::StatusOr<Tensor> LayerNorm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                           float eps, const Allocator& allocator) = 0;
  // The same norms, told in codes for the layer that reads them: to one code what that layer would
  // make of their result. Pictures get the border that a convolution of `reader` looks at, which
  // has no padding then; for a linear layer it is null.
  virtual absl::StatusOr<Tensor> GroupNormInt8(absl::Span<const Tensor> sources,
                                               const Tensor& gamma, const Tensor& beta,
                                               int64_t groups, float eps, Activation activation,
                                               const Int8Input& codes, const ConvSpec* reader,
                                               const Allocator& allocator) = 0;
  virtual absl::StatusOr<Tensor> LayerNormInt8(const Tensor& x, const Tensor& gamma,
                                               const Tensor& beta, float eps,
                                               const Int8Input& codes,
                                               const Allocator& allocator) = 0;
  // softmax(q·kᵀ·scale)·v per head → [batch, rows of q, count of q]. Never holds the whole score
  // matrix: scratch is linear in the rows.
  virtual absl::StatusOr<Tensor> Attention(const Columns& q, const Columns& k, const Columns& v,
                                           const AttentionSpec& spec,
                                           const Allocator& allocator) = 0;
  // For each row `from` of x [batch, rows, width] which of the rows `among` has the largest cosine
  // with it; of equals the first.
  virtual absl::StatusOr<NearestRow> NearestRows(const Tensor& x, absl::Span<const int32_t> from,
                                                 absl::Span<const int32_t> among,
                                                 const Allocator& allocator) = 0;

  // Elementwise; writes into x where it is the last reference.
  virtual absl::StatusOr<Tensor> Activate(Tensor x, Activation activation,
                                          const Allocator& allocator) = 0;
  virtual absl::StatusOr<Tensor> Add(Tensor x, const Tensor& y, const Allocator& allocator) = 0;

  // [b, c, h, w] f32 → [b, h, w, c] in the compute type, and back.
  virtual absl::StatusOr<Tensor> ToChannelsLast(const Tensor& x, DType compute,
                                                const Allocator& allocator) = 0;
  virtual absl::StatusOr<Tensor> ToChannelsFirst(const Tensor& x, const Allocator& allocator) = 0;

 private:
  LayerObserver* observer_ = nullptr;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_BACKEND_BACKEND_H_
