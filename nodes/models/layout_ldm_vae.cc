// The autoencoder of latent diffusion (ldm.models.autoencoder.AutoencoderKL). Its decoder counts
// levels from the picture inwards, diffusers' from the latent outwards; its attention is made of
// 1×1 convolutions, diffusers' of matrices.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nodes/models/layouts.h"
#include "runtime/weights/derived_weight.h"

namespace weft {
namespace {

void AddResnet(NamePairs& pairs, const std::string& original, const std::string& diffusers) {
  pairs.Add(original, diffusers);
  pairs.Add(original + ".nin_shortcut", diffusers + ".conv_shortcut");
}

void AddAttention(NamePairs& pairs, const std::string& original, const std::string& diffusers) {
  const auto add = [&](const char* from, const char* to) {
    pairs.Add(absl::StrCat(original, ".", from), absl::StrCat(diffusers, ".", to));
  };
  add("norm", "group_norm");
  add("q", "to_q");
  add("k", "to_k");
  add("v", "to_v");
  add("proj_out", "to_out.0");
}

NamePairs VaePairs(int64_t levels) {
  constexpr int64_t kMostLayers = 8;
  NamePairs pairs;
  pairs.Add("quant_conv", "quant_conv");
  pairs.Add("post_quant_conv", "post_quant_conv");
  for (const std::string half : {"encoder", "decoder"}) {
    pairs.Add(half + ".conv_in", half + ".conv_in");
    pairs.Add(half + ".conv_out", half + ".conv_out");
    pairs.Add(half + ".norm_out", half + ".conv_norm_out");
    AddResnet(pairs, half + ".mid.block_1", half + ".mid_block.resnets.0");
    AddResnet(pairs, half + ".mid.block_2", half + ".mid_block.resnets.1");
    AddAttention(pairs, half + ".mid.attn_1", half + ".mid_block.attentions.0");
  }
  for (int64_t level = 0; level < levels; ++level) {
    const std::string down = absl::StrCat("encoder.down.", level);
    const std::string up = absl::StrCat("decoder.up.", level);
    const std::string down_block = absl::StrCat("encoder.down_blocks.", level);
    const std::string up_block = absl::StrCat("decoder.up_blocks.", levels - 1 - level);
    for (int64_t i = 0; i < kMostLayers; ++i) {
      AddResnet(pairs, absl::StrCat(down, ".block.", i), absl::StrCat(down_block, ".resnets.", i));
      AddResnet(pairs, absl::StrCat(up, ".block.", i), absl::StrCat(up_block, ".resnets.", i));
    }
    pairs.Add(down + ".downsample.conv", down_block + ".downsamplers.0.conv");
    pairs.Add(up + ".upsample.conv", up_block + ".upsamplers.0.conv");
  }
  return pairs;
}

}  // namespace

Relaid VaeToDiffusers(const NamedWeights& original) {
  int64_t levels = 0;
  while (original.contains(absl::StrCat("decoder.up.", levels, ".block.0.norm1.weight"))) ++levels;
  const NamePairs pairs = VaePairs(levels);
  Relaid relaid;
  for (const auto& [name, weight] : original) {
    const std::string known = pairs.ToDiffusers(name);
    const bool matrix = absl::StrContains(known, ".attentions.") && weight.shape().rank() == 4 &&
                        weight.shape().inner(2) == 1;
    const Weight as_bound =
        matrix ? Reshaped(weight, Shape{weight.shape().dim(0), weight.shape().dim(1)}) : weight;
    if (known.empty() || !relaid.weights.emplace(known, as_bound).second) {
      relaid.unknown.push_back(name);
    }
  }
  return relaid;
}

Relaid VaeToOriginal(const NamedWeights& diffusers) {
  int64_t levels = 0;
  while (
      diffusers.contains(absl::StrCat("decoder.up_blocks.", levels, ".resnets.0.norm1.weight"))) {
    ++levels;
  }
  const NamePairs pairs = VaePairs(levels);
  Relaid relaid;
  for (const auto& [name, weight] : diffusers) {
    const std::string known = pairs.ToOriginal(name);
    const bool matrix = absl::StrContains(known, ".attn_") && weight.shape().rank() == 2;
    const Weight written =
        matrix ? Reshaped(weight, Shape{weight.shape().dim(0), weight.shape().dim(1), 1, 1})
               : weight;
    if (known.empty() || !relaid.weights.emplace(known, written).second) {
      relaid.unknown.push_back(name);
    }
  }
  return relaid;
}

}  // namespace weft
