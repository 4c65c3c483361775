#ifndef WEFT_NODES_SAMPLING_DENOISER_PASSES_H_
#define WEFT_NODES_SAMPLING_DENOISER_PASSES_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "nodes/models/parts.h"
#include "nodes/sampling/denoiser.h"
#include "nodes/sampling/guidance_math.h"
#include "nodes/text/conditioning.h"

namespace weft {

// A UNet and the entries of conditionings that it may be told, from which each step chooses some.
// The keys and values of all texts are computed once, here.
class UnetPasses {
 public:
  // One of the passes that a question is answered with: what it is told, and whether it sees the
  // question's channels or noughts in their place.
  struct Pass {
    size_t entry = 0;
    bool channels = true;
  };

  static absl::StatusOr<UnetPasses> Make(Ops& ops, std::shared_ptr<const Unet> unet,
                                         const std::vector<Conditioning::Entry>& entries);

  // Which of the entries first..last hold at this step. Error: some depend on where in a run it is,
  // and the question does not say.
  absl::StatusOr<std::vector<size_t>> Active(const Denoiser::Question& question, size_t first,
                                             size_t last) const;
  // The answers of all passes, from one batch. `embedded_scale` is for networks that embed it.
  std::vector<Answer> Answers(Ops& ops, const Denoiser::Question& question,
                              absl::Span<const Pass> passes,
                              std::optional<double> embedded_scale) const;

  const UnetConfig& config() const { return unet_->network().config(); }
  const Unet& unet() const { return *unet_; }

 private:
  // When an entry holds, where, and how much it counts.
  struct Told {
    StepRange steps;
    Tensor area;
    double weight = 1.0;
  };

  explicit UnetPasses(std::shared_ptr<const Unet> unet) : unet_(std::move(unet)) {}
  UnetCondition ConditionOf(Ops& ops, absl::Span<const Pass> passes) const;

  std::shared_ptr<const Unet> unet_;
  std::vector<Told> told_;  // by entry
  // One segment of all entries where their texts are equally many and long, else one each.
  CrossContext context_;
  bool one_segment_ = false;
  std::vector<Tensor> added_;  // [texts, time_width] of each entry, or none
  int64_t texts_ = 1;          // the largest batch of an entry
};

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_DENOISER_PASSES_H_
