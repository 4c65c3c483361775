#ifndef WEFT_NODES_SAMPLING_GUIDANCE_H_
#define WEFT_NODES_SAMPLING_GUIDANCE_H_

#include <memory>
#include <utility>

#include "nodes/sampling/denoiser_passes.h"
#include "runtime/graph/node.h"

namespace weft {

// How a network is guided, and in which part of the steps.
struct GuidanceOptions {
  double scale = 7.5;
  double rescale = 0.0;
  StepRange steps;
};

// A UNet that is guided by the difference between texts, or told some texts alone. Each of the two
// conditionings may have several entries; a step is answered by those that hold in it.
class GuidedUnet : public Denoiser {
 public:
  // `negative` may be null: then the scale matters only to networks that embed it.
  static absl::StatusOr<std::shared_ptr<const GuidedUnet>> Make(Ops& ops,
                                                                std::shared_ptr<const Unet> unet,
                                                                const Conditioning& positive,
                                                                const Conditioning* negative,
                                                                const GuidanceOptions& options);

  absl::StatusOr<Tensor> Predict(Ops& ops, const Question& question) const override;
  int64_t in_channels() const override { return passes_.config().in_channels; }
  int64_t out_channels() const override { return passes_.config().out_channels; }
  DType ComputeOr(DType of_the_run) const override { return passes_.unet().ComputeOr(of_the_run); }

 private:
  GuidedUnet(UnetPasses passes, GuidanceOptions options)
      : passes_(std::move(passes)), options_(options) {}
  // The scale for this step: 1 outside of the steps that are guided.
  absl::StatusOr<double> ScaleAt(const Question& question) const;

  UnetPasses passes_;
  GuidanceOptions options_;
  size_t negatives_ = 0;  // the first so many entries
  size_t entries_ = 0;
};

// An error at `port` unless this UNet can be told each entry of its conditioning.
absl::Status CheckConditioning(const NodeContext& ctx, const In<Conditioning>& port,
                               const UnetConfig& config);

// An error unless the weights of these answers can be made a mean of.
absl::Status CheckMeanWeights(absl::Span<const Answer> answers);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_GUIDANCE_H_
