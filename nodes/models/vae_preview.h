#ifndef WEFT_NODES_MODELS_VAE_PREVIEW_H_
#define WEFT_NODES_MODELS_VAE_PREVIEW_H_

#include <vector>

#include "absl/synchronization/mutex.h"
#include "nodes/models/vae.h"

namespace weft {

// A linear guess of what an autoencoder will draw: colour = a·latent + b for each latent pixel.
// The factors are fitted by least squares to one small latent that the autoencoder decodes, when
// they are first asked for.
class VaePreview {
 public:
  // latent [b, c, h, w] f32, scaled as on a wire → [b, h·scale, w·scale, colours] u8.
  absl::StatusOr<Tensor> Draw(Ops& ops, const VaeNetwork& vae, const Tensor& latent) const;

 private:
  // [colours, channels + 1]; the last of a row is b.
  using Factors = std::vector<float>;
  absl::StatusOr<Factors> Fit(Ops& ops, const VaeNetwork& vae) const;

  mutable absl::Mutex mutex_;
  mutable Factors factors_ ABSL_GUARDED_BY(mutex_);
};

// x of A·x = y for a symmetric positive definite A [n, n], by Cholesky's method.
std::vector<double> SolvePositive(std::vector<double> a, std::vector<double> y);

}  // namespace weft

#endif  // WEFT_NODES_MODELS_VAE_PREVIEW_H_
