#ifndef WEFT_RUNTIME_BACKEND_PROFILE_PROFILING_BACKEND_H_
#define WEFT_RUNTIME_BACKEND_PROFILE_PROFILING_BACKEND_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "runtime/backend/backend.h"

namespace weft {

// What all calls of one kernel with one shape took.
struct KernelProfile {
  std::string kernel;         // "conv 3x3", "linear", "attention"
  std::string shape;          // "2x64x64 320+640 -> 320"
  DType dtype = DType::kF32;  // of the inputs; u8: codes, products in 8 bits
  int64_t calls = 0;
  double seconds = 0;  // of all calls
  double flops = 0;    // of all calls: multiplications and additions of the products alone
  double bytes = 0;    // of all calls: inputs, weights and outputs, each once
};

// The fastest that this machine has been seen to go, to hold kernels against.
struct Roofline {
  double flops_per_second = 0;  // of a large matrix product in the compute type
  double int8_per_second = 0;   // of the same in codes of 8 bits; 0 where they are not native
  double bytes_per_second = 0;  // of a sum of two tensors too large for any cache

  // The least that a kernel could take: as arithmetic allows, or as memory does.
  double Seconds(const KernelProfile& kernel) const;
};

// Another backend with a clock: does what `inner` does and notes what each call took. Packing is
// not counted, but where a convolution packs its parts itself.
class ProfilingBackend : public Backend {
 public:
  // `inner` must outlive it.
  explicit ProfilingBackend(Backend& inner);

  // The slowest in sum first.
  std::vector<KernelProfile> Kernels() const;
  void Clear();

  Device device() const override { return inner_.device(); }
  absl::string_view name() const override { return name_; }
  absl::StatusOr<std::shared_ptr<const Packed>> PackConv(const ConvSpec& spec, const Tensor& weight,
                                                         const Tensor& bias,
                                                         absl::Span<const Tensor> sources,
                                                         DType compute,
                                                         const Allocator& allocator) override;
  absl::StatusOr<std::shared_ptr<const Packed>> PackConvForOneUse(
      const ConvSpec& spec, const Tensor& weight, const Tensor& bias,
      absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) override;
  absl::StatusOr<Tensor> Conv2d(const Packed& packed, absl::Span<const Tensor> sources,
                                Epilogue epilogue, const Allocator& allocator) override;
  absl::StatusOr<std::shared_ptr<const Packed>> PackLinear(const Tensor& weight, const Tensor& bias,
                                                           bool gated, const Tensor& x,
                                                           DType compute,
                                                           const Allocator& allocator) override;
  absl::StatusOr<Tensor> Linear(const Packed& packed, const Tensor& x, Epilogue epilogue,
                                const Allocator& allocator) override;
  bool HasInt8(DType compute) const override { return inner_.HasInt8(compute); }
  absl::StatusOr<std::shared_ptr<const Packed>> PackConvInt8(
      const ConvSpec& spec, const Tensor& weight, const Tensor& bias, const Int8Input& input,
      absl::Span<const Tensor> sources, DType compute, const Allocator& allocator) override;
  absl::StatusOr<std::shared_ptr<const Packed>> PackLinearInt8(const Tensor& weight,
                                                               const Tensor& bias, bool gated,
                                                               const Int8Input& input,
                                                               const Tensor& x, DType compute,
                                                               const Allocator& allocator) override;
  absl::StatusOr<Tensor> GroupNormInt8(absl::Span<const Tensor> sources, const Tensor& gamma,
                                       const Tensor& beta, int64_t groups, float eps,
                                       Activation activation, const Int8Input& codes,
                                       const ConvSpec* reader, const Allocator& allocator) override;
  absl::StatusOr<Tensor> LayerNormInt8(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                       float eps, const Int8Input& codes,
                                       const Allocator& allocator) override;
  absl::StatusOr<Tensor> GroupNorm(absl::Span<Tensor> sources, const Tensor& gamma,
                                   const Tensor& beta, int64_t groups, float eps,
                                   Activation activation, const Allocator& allocator) override;
  absl::StatusOr<Tensor> LayerNorm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                   float eps, const Allocator& allocator) override;
  absl::StatusOr<Tensor> Attention(const Columns& q, const Columns& k, const Columns& v,
                                   const AttentionSpec& spec, const Allocator& allocator) override;
  absl::StatusOr<NearestRow> NearestRows(const Tensor& x, absl::Span<const int32_t> from,
                                         absl::Span<const int32_t> among,
                                         const Allocator& allocator) override;
  absl::StatusOr<Tensor> Activate(Tensor x, Activation activation,
                                  const Allocator& allocator) override;
  absl::StatusOr<Tensor> Add(Tensor x, const Tensor& y, const Allocator& allocator) override;
  absl::StatusOr<Tensor> ToChannelsLast(const Tensor& x, DType compute,
                                        const Allocator& allocator) override;
  absl::StatusOr<Tensor> ToChannelsFirst(const Tensor& x, const Allocator& allocator) override;

 private:
  void Note(const KernelProfile& call);

  Backend& inner_;
  const std::string name_;
  mutable absl::Mutex mutex_;
  std::vector<KernelProfile> kernels_ ABSL_GUARDED_BY(mutex_);
};

// Measures the machine with `backend` itself, for about a second.
absl::StatusOr<Roofline> MeasureRoofline(Backend& backend, DType compute);

}  // namespace weft

#endif  // WEFT_RUNTIME_BACKEND_PROFILE_PROFILING_BACKEND_H_
