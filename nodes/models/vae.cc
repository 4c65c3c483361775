#include "nodes/models/vae.h"

#include <utility>

#include "nodes/layers/affine.h"

namespace weft {
namespace {

std::variant<AutoencoderKl, AutoencoderTiny> Network(const Scope& scope, const VaeConfig& config) {
  if (config.tiny.has_value()) return AutoencoderTiny(scope, config);
  return AutoencoderKl(scope, config);
}

}  // namespace

VaeNetwork::VaeNetwork(const Scope& scope, const VaeConfig& config)
    : config_(config), network_(Network(scope, config)) {}

Tensor VaeNetwork::Encode(Ops& ops, const Tensor& image) const {
  return std::visit([&](const auto& network) { return network.Encode(ops, image); }, network_);
}

Tensor VaeNetwork::Decode(Ops& ops, const Tensor& latent) const {
  return std::visit([&](const auto& network) { return network.Decode(ops, latent); }, network_);
}

Tensor VaeNetwork::Scaled(Ops& ops, const Tensor& latent) const {
  std::vector<double> scales;
  std::vector<double> shifts;
  for (int64_t c = 0; c < config_.latent_channels; ++c) {
    const double scale = config_.scaling / config_.deviation_of(c);
    scales.push_back(scale);
    shifts.push_back(-(config_.shift + config_.mean_of(c)) * scale);
  }
  return AffineChannels(ops, latent, scales, shifts);
}

Tensor VaeNetwork::Unscaled(Ops& ops, const Tensor& latent) const {
  std::vector<double> scales;
  std::vector<double> shifts;
  for (int64_t c = 0; c < config_.latent_channels; ++c) {
    scales.push_back(config_.deviation_of(c) / config_.scaling);
    shifts.push_back(config_.shift + config_.mean_of(c));
  }
  return AffineChannels(ops, latent, scales, shifts);
}

}  // namespace weft
