#ifndef WEFT_RUNTIME_BACKEND_CPU_PLAIN_CONV_H_
#define WEFT_RUNTIME_BACKEND_CPU_PLAIN_CONV_H_

#include <compare>
#include <map>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "runtime/backend/cpu/conv_phases.h"
#include "runtime/backend/cpu/onednn.h"

namespace weft::cpu {

// A convolution of values by oneDNN: its weights for each split of the input channels into sources,
// and its primitives for each shape.
class PlainConv : public ConvPhase {
 public:
  // `weight` [out, in, k, k] in any float type, `bias` f32 [out] or empty. `in_parts`: each
  // source's weights are packed when its turn comes, and dropped after it where that is their last
  // use.
  PlainConv(PhaseSpec spec, DType compute, Tensor weight, Tensor bias, bool in_parts)
      : geometry_(spec.geometry),
        compute_(compute),
        bias_(std::move(bias)),
        in_parts_(in_parts),
        plain_(std::move(weight)),
        sums_(std::move(spec.sums)) {}

  const ConvGeometry& geometry() const override { return geometry_; }
  const float* bias() const override { return bias_.empty() ? nullptr : bias_.data<float>(); }
  // Packs the weights for sources of these shapes, and lets go of the plain ones.
  absl::Status Pack(absl::Span<const int64_t> channels, int64_t batch, int64_t height,
                    int64_t width, const Allocator& allocator) const;
  absl::Status Run(const ConvCall& call, const Allocator& allocator) const override;

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
  // Lets a source's weights go, which can be packed again.
  void Drop(size_t slice) const;
  absl::Status RunStep(const Key& key, const ConvSource& source, const ConvCall& call, void* output,
                       const Allocator& allocator) const;

  const ConvGeometry geometry_;
  const DType compute_;
  const Tensor bias_;
  const bool in_parts_;
  mutable absl::Mutex mutex_;
  mutable Tensor plain_ ABSL_GUARDED_BY(mutex_);  // while more of it is to be packed
  mutable TapSums sums_ ABSL_GUARDED_BY(mutex_);  // of the taps of plain_
  mutable std::vector<Slice> slices_ ABSL_GUARDED_BY(mutex_);
  mutable std::map<Key, std::shared_ptr<const Prepared>> prepared_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_PLAIN_CONV_H_
