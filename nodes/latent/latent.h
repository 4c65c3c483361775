#ifndef WEFT_NODES_LATENT_LATENT_H_
#define WEFT_NODES_LATENT_LATENT_H_

#include "runtime/graph/port.h"

namespace weft {

// A picture as a VAE encodes it, or noise of that shape: [b, c, h, w] f32, scaled as the UNet
// sees it (diffusers' latents).
struct Latent : TensorPort {
  static constexpr absl::string_view kTypeName = "latent";
  static Traits TraitsOf(const Tensor& t) {
    if (t.rank() != 4) return {};
    return {{"channels", t.dim(1)}};
  }
};

}  // namespace weft

#endif  // WEFT_NODES_LATENT_LATENT_H_
