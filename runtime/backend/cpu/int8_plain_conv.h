#ifndef WEFT_RUNTIME_BACKEND_CPU_INT8_PLAIN_CONV_H_
#define WEFT_RUNTIME_BACKEND_CPU_INT8_PLAIN_CONV_H_

#include <compare>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "runtime/backend/cpu/conv_phases.h"
#include "runtime/backend/cpu/int8_weights.h"
#include "runtime/backend/cpu/kernels/quantize.h"

namespace weft::cpu {

// A convolution of codes by oneDNN, and its primitives for each shape. Sources that are values are
// told in codes first, with a border, so that there is no padding. Sums are whole numbers, so their
// order does not matter.
class Int8PlainConv : public ConvPhase {
 public:
  // `maker`: of the codes; `compute`: of the result.
  Int8PlainConv(const ConvGeometry& geometry, DType compute,
                std::shared_ptr<const CodeMaker> maker);

  // `weight` [out, in, k, k] in any float type, whose taps are summed up where `sums` says so;
  // `bias` [out] f32, or null. Height and width are of the pictures, without a border.
  absl::Status Pack(const Tensor& weight, TapSums sums, const Int8Input& input, const float* bias,
                    int64_t batch, int64_t height, int64_t width, const Allocator& allocator);
  const ConvGeometry& geometry() const override { return geometry_; }
  const float* bias() const override { return weights_.bias(); }
  absl::Status Run(const ConvCall& call, const Allocator& allocator) const override;

 private:
  struct Key {
    int64_t batch, height, width;  // of the codes, with their border
    Activation activation;
    ResidualMode residual;
    bool addend;
    int threads;  // oneDNN cuts the work up when a primitive is made
    auto operator<=>(const Key&) const = default;
  };
  int64_t Extent(int64_t size) const { return (size - geometry_.kernel) / geometry_.stride + 1; }
  Key KeyOf(int64_t batch, int64_t height, int64_t width) const;
  dnnl::convolution_forward::primitive_desc Describe(const Key& key) const;
  absl::StatusOr<std::shared_ptr<const Prepared>> Prepare(const Key& key,
                                                          const Allocator& allocator) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ConvGeometry geometry_;
  const DType compute_;
  const std::shared_ptr<const CodeMaker> maker_;
  mutable absl::Mutex mutex_;
  mutable Int8Weights weights_;  // changed under the mutex alone
  mutable std::map<Key, std::shared_ptr<const Prepared>> prepared_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_INT8_PLAIN_CONV_H_
