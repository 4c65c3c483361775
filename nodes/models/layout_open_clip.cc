// OpenCLIP's text encoder (open_clip.transformer.TextTransformer): query, key and value are the
// rows of one tensor, and the projection of the pooled text is stored as [in, out].

#include <algorithm>
#include <array>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "nodes/models/layouts.h"
#include "runtime/weights/derived_weight.h"

namespace weft {
namespace {

constexpr absl::string_view kModel = "text_model.";
constexpr std::array<absl::string_view, 3> kProjections = {"q_proj", "k_proj", "v_proj"};
constexpr absl::string_view kFused[] = {"weight", "bias"};

NamePairs TextPairs(int64_t layers) {
  NamePairs pairs;
  pairs.Add("positional_embedding", "text_model.embeddings.position_embedding.weight");
  pairs.Add("token_embedding", "text_model.embeddings.token_embedding");
  pairs.Add("ln_final", "text_model.final_layer_norm");
  for (int64_t i = 0; i < layers; ++i) {
    const auto add = [i, &pairs](const char* from, const char* to) {
      pairs.Add(absl::StrCat("transformer.resblocks.", i, ".", from),
                absl::StrCat("text_model.encoder.layers.", i, ".", to));
    };
    add("ln_1", "layer_norm1");
    add("ln_2", "layer_norm2");
    add("mlp.c_fc", "mlp.fc1");
    add("mlp.c_proj", "mlp.fc2");
    add("attn.out_proj", "self_attn.out_proj");
  }
  return pairs;
}

int64_t LayersOf(const NamedWeights& weights, absl::string_view prefix, absl::string_view suffix) {
  int64_t layers = 0;
  while (weights.contains(absl::StrCat(prefix, layers, suffix))) ++layers;
  return layers;
}

// Whether three projections can be the rows of one tensor.
bool MakeOne(const std::vector<Weight>& parts) {
  if (parts.size() != kProjections.size()) return false;
  const auto row = [](const Weight& part) { return part.shape().dims().subspan(1); };
  return std::all_of(parts.begin(), parts.end(), [&](const Weight& part) {
    return part.dtype() == parts[0].dtype() && part.shape().rank() > 0 &&
           parts[0].shape().rank() > 0 && row(part) == row(parts[0]);
  });
}

}  // namespace

Relaid TextToDiffusers(const NamedWeights& open_clip) {
  const int64_t layers = LayersOf(open_clip, "transformer.resblocks.", ".ln_1.weight");
  const NamePairs pairs = TextPairs(layers);
  Relaid relaid;
  for (const auto& [name, weight] : open_clip) {
    absl::string_view block = name;
    const bool fused_weight = absl::ConsumeSuffix(&block, ".attn.in_proj_weight");
    const bool fused = fused_weight || absl::ConsumeSuffix(&block, ".attn.in_proj_bias");
    if (fused && absl::ConsumePrefix(&block, "transformer.resblocks.") &&
        weight.shape().rank() == (fused_weight ? 2 : 1) && weight.shape().dim(0) % 3 == 0) {
      const std::vector<Weight> parts = SplitRows(weight, 3);
      for (size_t i = 0; i < kProjections.size(); ++i) {
        relaid.weights.emplace(absl::StrCat("text_model.encoder.layers.", block, ".self_attn.",
                                            kProjections[i], fused_weight ? ".weight" : ".bias"),
                               parts[i]);
      }
    } else if (name == "text_projection" && weight.shape().rank() == 2) {
      relaid.weights.emplace("text_projection.weight", Transposed(weight));
    } else if (std::string known = pairs.ToDiffusers(name);
               known.empty() || !relaid.weights.emplace(std::move(known), weight).second) {
      relaid.unknown.push_back(name);
    }
  }
  return relaid;
}

Relaid TextToOriginal(const NamedWeights& diffusers) {
  // transformers 5 leaves the prefix out.
  NamedWeights prefixed;
  for (const auto& [name, weight] : diffusers) {
    const bool bare = !absl::StartsWith(name, kModel) && !absl::StartsWith(name, "text_projection");
    prefixed.emplace(bare ? absl::StrCat(kModel, name) : name, weight);
  }
  const int64_t layers = LayersOf(prefixed, "text_model.encoder.layers.", ".layer_norm1.weight");
  const NamePairs pairs = TextPairs(layers);
  Relaid relaid;
  absl::flat_hash_set<std::string> stacked;
  for (int64_t i = 0; i < layers; ++i) {
    for (const absl::string_view kind : kFused) {
      std::vector<Weight> parts;
      std::vector<std::string> names;
      for (const absl::string_view projection : kProjections) {
        const auto found = prefixed.find(
            absl::StrCat("text_model.encoder.layers.", i, ".self_attn.", projection, ".", kind));
        if (found == prefixed.end()) continue;
        names.push_back(found->first);
        parts.push_back(found->second);
      }
      if (!MakeOne(parts)) continue;
      stacked.insert(names.begin(), names.end());
      relaid.weights.emplace(absl::StrCat("transformer.resblocks.", i, ".attn.in_proj_", kind),
                             StackRows(std::move(parts)));
    }
  }
  for (const auto& [name, weight] : prefixed) {
    if (stacked.contains(name) || absl::EndsWith(name, "embeddings.position_ids")) continue;
    if (name == "text_projection.weight" && weight.shape().rank() == 2) {
      relaid.weights.emplace("text_projection", Transposed(weight));
    } else if (std::string known = pairs.ToOriginal(name);
               known.empty() || !relaid.weights.emplace(std::move(known), weight).second) {
      relaid.unknown.push_back(name);
    }
  }
  return relaid;
}

}  // namespace weft
