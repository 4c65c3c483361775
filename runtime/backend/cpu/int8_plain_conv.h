#ifndef WEFT_RUNTIME_BACKEND_CPU_INT8_PLAIN_CONV_H_
#define WEFT_RUNTIME_BACKEND_CPU_INT8_PLAIN_CONV_H_

#include <compare>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "runtime/backend/cpu/convolution.h"
#include "runtime/backend/cpu/int8_weights.h"

namespace weft::cpu {

// y = activation(codes·w + bias + addend) + residual, as ConvCall has it. The codes have their
// border already: there is no padding.
struct Int8ConvCall {
  const uint8_t* codes = nullptr;  // [batch, height, width, in]
  int64_t batch = 0;
  int64_t height = 0;  // with the border
  int64_t width = 0;
  const float* bias = nullptr;    // [out]
  const float* addend = nullptr;  // [batch, h', w', out] or null
  Activation activation = Activation::kNone;
  ResidualMode residual_mode = ResidualMode::kNone;
  const void* residual = nullptr;  // where kSeparate
  void* output = nullptr;          // holds the residual where kInPlace
};

// A convolution of codes without upsampling, and its primitives for each shape. Sums are whole
// numbers, so their order does not matter.
class Int8PlainConv {
 public:
  // `compute`: of the result. The geometry's padding is that of the border.
  Int8PlainConv(const ConvGeometry& geometry, DType compute);

  const ConvGeometry& geometry() const { return geometry_; }
  // `weight` [out, in, k, k] in any float type, whose taps are summed up where `sums` says so;
  // `bias` [out] f32, or null.
  absl::Status Pack(const Tensor& weight, TapSums sums, const Int8Input& input, const float* bias,
                    int64_t batch, int64_t height, int64_t width, const Allocator& allocator);
  const float* bias() const { return weights_.bias(); }
  absl::Status Run(const Int8ConvCall& call, const Allocator& allocator) const;

 private:
  struct Key {
    int64_t batch, height, width;
    Activation activation;
    ResidualMode residual;
    bool addend;
    int threads;  // oneDNN cuts the work up when a primitive is made
    auto operator<=>(const Key&) const = default;
  };
  int64_t Extent(int64_t size) const { return (size - geometry_.kernel) / geometry_.stride + 1; }
  dnnl::convolution_forward::primitive_desc Describe(const Key& key) const;
  absl::StatusOr<std::shared_ptr<const Prepared>> Prepare(const Key& key,
                                                          const Allocator& allocator) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ConvGeometry geometry_;
  const DType compute_;
  mutable absl::Mutex mutex_;
  mutable Int8Weights weights_;  // changed under the mutex alone
  mutable std::map<Key, std::shared_ptr<const Prepared>> prepared_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_INT8_PLAIN_CONV_H_
