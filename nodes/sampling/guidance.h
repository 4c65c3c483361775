#ifndef WEFT_NODES_SAMPLING_GUIDANCE_H_
#define WEFT_NODES_SAMPLING_GUIDANCE_H_

#include <memory>

#include "nodes/models/parts.h"
#include "nodes/sampling/denoiser.h"
#include "nodes/text/conditioning.h"

namespace weft {

// unconditional + scale·(conditional - unconditional), in f32 (Ho and Salimans 2022).
Tensor Guide(Ops& ops, const Tensor& unconditional, const Tensor& conditional, double scale);

// A UNet that is guided by the difference between two texts, or told one text alone. The keys and
// values of the texts are computed once, here.
class GuidedUnet : public Denoiser {
 public:
  // `negative` may be null: then the scale matters only to networks that embed it.
  static absl::StatusOr<std::shared_ptr<const GuidedUnet>> Make(Ops& ops,
                                                                std::shared_ptr<const Unet> unet,
                                                                const Conditioning& positive,
                                                                const Conditioning* negative,
                                                                double scale);

  absl::StatusOr<Tensor> Predict(Ops& ops, const Question& question) const override;
  int64_t in_channels() const override { return unet_->network().config().in_channels; }
  int64_t out_channels() const override { return unet_->network().config().out_channels; }
  DType ComputeOr(DType of_the_run) const override { return unet_->ComputeOr(of_the_run); }

 private:
  GuidedUnet(std::shared_ptr<const Unet> unet, double scale)
      : unet_(std::move(unet)), scale_(scale) {}

  std::shared_ptr<const Unet> unet_;
  double scale_;
  UnetCondition condition_;
  int64_t passes_ = 1;  // 2: unconditional and conditional, as one batch
  int64_t texts_ = 1;   // the largest batch of a conditioning
};

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_GUIDANCE_H_
