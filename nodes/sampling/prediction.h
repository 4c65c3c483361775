#ifndef WEFT_NODES_SAMPLING_PREDICTION_H_
#define WEFT_NODES_SAMPLING_PREDICTION_H_

#include "absl/strings/string_view.h"
#include "nodes/sampling/latent_math.h"

namespace weft {

// What a model's output stands for. v is alpha·noise - sigma·clean (Salimans and Ho 2022,
// arXiv 2202.00512); flow is noise - clean.
enum class Prediction { kEpsilon, kV, kSample, kFlow };
Prediction PredictionOf(absl::string_view name);  // one of prediction_type's choices

// A noised latent: alpha·clean + sigma·noise.
struct Mix {
  double alpha = 1.0;
  double sigma = 0.0;
};
// Of the variance-preserving process (alpha² + sigma² = 1) at this noise-to-signal ratio.
Mix MixOf(double sigma);

// The clean latent and the noise that the model's output implies.
Tensor CleanOf(LatentMath& math, Prediction kind, const Tensor& output, const Tensor& latent,
               Mix mix);
Tensor NoiseOf(LatentMath& math, Prediction kind, const Tensor& output, const Tensor& latent,
               Mix mix);
// The clean latent where the latent is clean + sigma·noise, not scaled down.
Tensor CleanOfUnscaled(LatentMath& math, Prediction kind, const Tensor& output,
                       const Tensor& latent, double sigma);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_PREDICTION_H_
