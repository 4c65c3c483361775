#ifndef WEFT_NODES_SAMPLING_LATENT_MATH_H_
#define WEFT_NODES_SAMPLING_LATENT_MATH_H_

#include <initializer_list>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/base/rng.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// What schedulers compute with: f32 latents of one shape, [b, c, h, w]. Sums are kept in double
// and rounded once. As in Ops the first error sticks and later operations return empty tensors.
// On kMeta tensors only shapes and memory are worked out.
class LatentMath {
 public:
  struct Term {
    double factor;
    const Tensor& tensor;
  };

  explicit LatentMath(const Allocator& allocator) : allocator_(allocator) {}

  const absl::Status& status() const { return status_; }
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }

  // Σ factor · tensor
  Tensor Sum(std::initializer_list<Term> terms) {
    return Sum(absl::Span<const Term>(terms.begin(), terms.size()));
  }
  Tensor Sum(absl::Span<const Term> terms);
  // Each value kept within -limit..limit.
  Tensor Clamp(const Tensor& x, double limit);
  // Dynamic thresholding (Saharia et al. 2022, arXiv 2205.11487, section 2.3), per picture: clamp
  // to ±s and divide by s, s being the `ratio` quantile of |x|, at least 1 and at most `max`.
  Tensor Threshold(const Tensor& x, double ratio, double max);
  // Normally distributed values in the shape of `like`.
  Tensor Normal(Rng& rng, const Tensor& like);
  // Channels begin..end.
  Tensor Channels(const Tensor& x, int64_t begin, int64_t end);
  // For each element x · √(e^a), a going from `low` to `high` as `position` goes from -1 to 1.
  Tensor ScaleByLogVariance(const Tensor& x, const Tensor& position, double low, double high);
  // For each element x · √variance.
  Tensor ScaleByVariance(const Tensor& x, const Tensor& variance);

 private:
  template <typename F>
  Tensor Map(const Tensor& x, const Tensor& y, F f);
  bool Proceed(std::initializer_list<const Tensor*> tensors);
  Tensor New(const Shape& shape);

  Allocator allocator_;
  absl::Status status_;
};

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_LATENT_MATH_H_
