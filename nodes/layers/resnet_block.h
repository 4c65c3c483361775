#ifndef WEFT_NODES_LAYERS_RESNET_BLOCK_H_
#define WEFT_NODES_LAYERS_RESNET_BLOCK_H_

#include <optional>
#include <utility>

#include "nodes/layers/conv2d.h"
#include "nodes/layers/linear.h"
#include "nodes/layers/norm.h"

namespace weft {

struct ResnetConfig {
  int64_t in = 0;
  int64_t out = 0;
  int64_t time_width = 0;  // of the time embedding; 0: none
  int64_t groups = 32;
  double eps = 1e-5;
  Activation activation = Activation::kSilu;
};

// x + conv(act(norm(conv(act(norm(x))) + time))): diffusers' ResnetBlock2D. Where the channels
// change, x goes through a 1×1 convolution.
class ResnetBlock {
 public:
  ResnetBlock(const Scope& scope, const ResnetConfig& config);

  // x: one picture, or a picture and its skip connection. time: [b, time_width], the activation
  // already applied; empty where there is none.
  Tensor operator()(Ops& ops, Sources x, const Tensor& time = {}) const;
  Tensor operator()(Ops& ops, Tensor x, const Tensor& time = {}) const {
    return (*this)(ops, OneSource(std::move(x)), time);
  }

 private:
  Activation activation_;
  GroupNorm norm1_;
  Conv2d conv1_;
  std::optional<Linear> time_;
  GroupNorm norm2_;
  Conv2d conv2_;
  std::optional<Conv2d> shortcut_;
};

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_RESNET_BLOCK_H_
