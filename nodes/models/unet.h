#ifndef WEFT_NODES_MODELS_UNET_H_
#define WEFT_NODES_MODELS_UNET_H_

#include <optional>
#include <vector>

#include "nodes/layers/conv2d.h"
#include "nodes/layers/norm.h"
#include "nodes/layers/timestep_embedding.h"
#include "nodes/models/unet_blocks.h"
#include "nodes/models/unet_config.h"

namespace weft {

// What a network is told besides the pictures and the time, for the rows of a batch.
struct UnetCondition {
  CrossContext context;
  // What is added to the time embedding: [texts, time_width], each row for an equal part of the
  // batch; or empty.
  Tensor added;
  // Embedded where the network was distilled with it (time_cond_proj_dim).
  std::optional<double> guidance_scale;
};

// How a network is to do with less work. By default it does all of it.
struct UnetShortcuts {
  TokenMerging merging;
  UnetCut* cut = nullptr;
};

// The denoiser of latent diffusion (Rombach et al. 2022): diffusers' UNet2DConditionModel.
class UnetNetwork {
 public:
  UnetNetwork(const Scope& scope, const UnetConfig& config);
  const UnetConfig& config() const { return config_; }

  // A context without texts, ready for AddSegment.
  CrossContext EmptyContext() const;
  // Computes the keys and values of `text` [b, tokens, context width] f32 in all layers.
  void AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const;

  // The part of SDXL's time embedding that a text brings along: pooled [b, width] f32 and its
  // sizes (original, crop, target) → [b, time_width].
  Tensor EmbedSizes(Ops& ops, const Tensor& pooled, absl::Span<const double> sizes) const;
  // That of a class → [1, time_width].
  Tensor EmbedClass(Ops& ops, int64_t label) const;

  // Skip connections between the ways down and up: UnetCut::skips is one of 1 to so many.
  int64_t skips() const { return skips_; }

  // pictures: [b, c_i, h, w] f32, side by side in the channels, in_channels together.
  // Returns [b, out_channels, h, w] f32.
  Tensor operator()(Ops& ops, absl::Span<const Tensor> pictures, double timestep,
                    const UnetCondition& condition, const UnetShortcuts& shortcuts = {}) const;

 private:
  // [batch, time_width], with the activation that every resnet begins with.
  Tensor EmbedTime(Ops& ops, int64_t batch, double timestep, const UnetCondition& condition) const;

  UnetConfig config_;
  Conv2d conv_in_;
  TimestepEmbedding time_embedding_;
  std::optional<TimestepEmbedding> add_embedding_;
  Weight class_table_;  // [classes, time_width], or none
  std::optional<TimestepEmbedding> class_embedding_;
  std::vector<UnetDownBlock> down_;
  std::optional<UnetMiddleBlock> middle_;
  std::vector<UnetUpBlock> up_;
  GroupNorm norm_out_;
  Conv2d conv_out_;
  int64_t cross_attentions_ = 0;
  int64_t skips_ = 0;
};

}  // namespace weft

#endif  // WEFT_NODES_MODELS_UNET_H_
