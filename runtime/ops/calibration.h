#ifndef WEFT_RUNTIME_OPS_CALIBRATION_H_
#define WEFT_RUNTIME_OPS_CALIBRATION_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/ops/layer_observer.h"
#include "runtime/ops/layer_statistics.h"

namespace weft {

// The one recipe for all models; README tells what it is for.
struct Int8Recipe {
  // Layers whose result in 8 bits is noisier than this, noise over signal in energy, compute in
  // the compute type instead.
  double most_noise = 4e-4;
  // Convolutions from or to so few channels carry the latent itself.
  int64_t few_channels = 16;
  // Linear layers with fewer rows are those of time and text: no work worth saving.
  int64_t few_rows = 32;
  // The steps in 8 bits, as shares of a run: in the last ones little noise is left, and what 8 bits
  // add to it counts most.
  double first_share = 0.0;
  double last_share = 0.9;
};

// Finds out how the layers of the networks that run under its eyes are told in 8 bits. First all
// runs of the calibration set are looked at (ranges), then Choose decides on scales, then the runs
// are looked at again, each layer computed both ways (noise), then Tables gives the result.
class Calibration : public LayerObserver {
 public:
  Calibration(Backend& backend, const Int8Recipe& recipe) : backend_(backend), recipe_(recipe) {}

  absl::StatusOr<Tensor> Conv2d(const WeightStore& weights, const ConvWeights& conv,
                                absl::Span<const Tensor> sources, Epilogue epilogue,
                                Run run) override;
  absl::StatusOr<Tensor> Linear(const WeightStore& weights, const LinearWeights& linear,
                                const Tensor& x, Epilogue epilogue, Run run) override;

  // Where the tables of the networks that have been seen lie.
  std::vector<std::string> Paths() const;
  // Reads the weights.
  absl::Status Choose();
  // One table for each network that was seen, with the path of its weights.
  absl::StatusOr<std::vector<std::shared_ptr<Int8Table>>> Tables() const;

 private:
  struct Layer {
    LayerStatistics statistics;
    std::vector<Weight> weights;  // one, or those that are stacked
    int64_t channels = 0;
    double multiply_adds = 0;  // of all calls
    size_t convolution = 0;    // which one of the network it is, from 1; 0: none
    std::string kept;
    Int8Layer chosen;
    std::shared_ptr<const Packed> packed;   // in 8 bits
    std::shared_ptr<const Packed> doubled;  // the same convolution with upsampling
    double noise = 0;
    double signal = 0;
  };
  struct Network {
    WeightStore store;
    std::map<std::string, Layer> layers;
  };

  Layer& LayerOf(const WeightStore& weights, const std::string& name);
  // Where the last large convolutions are, whose noise goes straight into the result:
  // "up_blocks.3.resnets.".
  static std::string LastResnets(const Network& network);
  // Adds to the layer's noise and signal.
  static absl::Status Compare(const Tensor& exact, const Tensor& noisy, Layer& layer);

  Backend& backend_;
  const Int8Recipe recipe_;
  bool chosen_ = false;
  std::map<std::string, Network> networks_;  // by the path of their weights
};

}  // namespace weft

#endif  // WEFT_RUNTIME_OPS_CALIBRATION_H_
