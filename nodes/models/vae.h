#ifndef WEFT_NODES_MODELS_VAE_H_
#define WEFT_NODES_MODELS_VAE_H_

#include <variant>

#include "nodes/models/autoencoder_kl.h"
#include "nodes/models/autoencoder_tiny.h"
#include "nodes/models/vae_config.h"

namespace weft {

// What turns pictures into latents and back, of whichever class its config names.
class VaeNetwork {
 public:
  VaeNetwork(const Scope& scope, const VaeConfig& config);
  const VaeConfig& config() const { return config_; }

  // image [b, h, w, c] f32 in -1..1; h and w are multiples of config().scale(). Returns
  // [b, latent channels, h/scale, w/scale] f32, not scaled; where config().draws() twice as many
  // channels: the mean, then the logarithm of the variance.
  Tensor Encode(Ops& ops, const Tensor& image) const;
  // latent [b, latent channels, h, w] f32, not scaled → [b, h·scale, w·scale, c] f32, about -1..1.
  Tensor Decode(Ops& ops, const Tensor& latent) const;

  // Between a latent as the network gives it and as the UNet sees it (on a wire):
  // (latent - shift - mean) · scaling / deviation, channel by channel.
  Tensor Scaled(Ops& ops, const Tensor& latent) const;
  Tensor Unscaled(Ops& ops, const Tensor& latent) const;

 private:
  VaeConfig config_;
  std::variant<AutoencoderKl, AutoencoderTiny> network_;
};

}  // namespace weft

#endif  // WEFT_NODES_MODELS_VAE_H_
