// The UNet of latent diffusion (ldm.modules.diffusionmodules.openaimodel.UNetModel): its blocks are
// numbered through, where diffusers counts levels and the layers in each.

#include "absl/strings/str_cat.h"
#include "nodes/models/layouts.h"

namespace weft {
namespace {

void AddResnet(NamePairs& pairs, const std::string& original, const std::string& diffusers) {
  const auto add = [&](const char* from, const char* to) {
    pairs.Add(absl::StrCat(original, ".", from), absl::StrCat(diffusers, ".", to));
  };
  add("in_layers.0", "norm1");
  add("in_layers.2", "conv1");
  add("emb_layers.1", "time_emb_proj");
  add("out_layers.0", "norm2");
  add("out_layers.3", "conv2");
  add("skip_connection", "conv_shortcut");
}

void AddEnds(NamePairs& pairs, bool added) {
  pairs.Add("time_embed.0", "time_embedding.linear_1");
  pairs.Add("time_embed.2", "time_embedding.linear_2");
  pairs.Add("time_embed.cond_proj", "time_embedding.cond_proj");
  pairs.Add("input_blocks.0.0", "conv_in");
  pairs.Add("out.0", "conv_norm_out");
  pairs.Add("out.2", "conv_out");
  pairs.Add("label_emb.weight", "class_embedding.weight");  // a table: the x4 upscaler's
  const std::string embedding = added ? "add_embedding" : "class_embedding";
  pairs.Add("label_emb.0.0", embedding + ".linear_1");
  pairs.Add("label_emb.0.2", embedding + ".linear_2");
}

// `resnets`: of each level, outermost first; `attention(level, layer, block)`: whether a
// transformer follows that layer of the way up, which is output block `block`.
template <typename Attention>
NamePairs UnetPairs(const std::vector<int64_t>& resnets, bool added, const Attention& attention) {
  NamePairs pairs;
  AddEnds(pairs, added);
  const size_t levels = resnets.size();
  int64_t block = 1;
  for (size_t level = 0; level < levels; ++level) {
    const std::string down = absl::StrCat("down_blocks.", level);
    for (int64_t i = 0; i < resnets[level]; ++i, ++block) {
      const std::string input = absl::StrCat("input_blocks.", block);
      AddResnet(pairs, input + ".0", absl::StrCat(down, ".resnets.", i));
      pairs.Add(input + ".1", absl::StrCat(down, ".attentions.", i));
    }
    if (level + 1 < levels) {
      pairs.Add(absl::StrCat("input_blocks.", block++, ".0.op"), down + ".downsamplers.0.conv");
    }
  }
  AddResnet(pairs, "middle_block.0", "mid_block.resnets.0");
  pairs.Add("middle_block.1", "mid_block.attentions.0");
  AddResnet(pairs, "middle_block.2", "mid_block.resnets.1");
  block = 0;
  for (size_t level = 0; level < levels; ++level) {
    const std::string up = absl::StrCat("up_blocks.", level);
    const int64_t layers = resnets[levels - 1 - level] + 1;
    for (int64_t i = 0; i < layers; ++i, ++block) {
      const std::string output = absl::StrCat("output_blocks.", block);
      AddResnet(pairs, output + ".0", absl::StrCat(up, ".resnets.", i));
      const bool attends = attention(level, i, block);
      if (attends) pairs.Add(output + ".1", absl::StrCat(up, ".attentions.", i));
      if (i + 1 == layers && level + 1 < levels) {
        pairs.Add(absl::StrCat(output, attends ? ".2" : ".1", ".conv"), up + ".upsamplers.0.conv");
      }
    }
  }
  return pairs;
}

}  // namespace

Relaid UnetToDiffusers(const NamedWeights& original) {
  const auto has = [&original](const std::string& name) { return original.contains(name); };
  std::vector<int64_t> resnets = {0};
  for (int64_t block = 1;; ++block) {
    const std::string input = absl::StrCat("input_blocks.", block, ".0.");
    if (has(input + "in_layers.0.weight")) {
      ++resnets.back();
    } else if (has(input + "op.weight")) {
      resnets.push_back(0);
    } else {
      break;
    }
  }
  // SDXL's embedding of sizes comes with text that is wider than any image-to-image variant's
  // class embedding; all models of that kind that weft knows are SDXL's.
  const NamePairs pairs = UnetPairs(resnets, true, [&](size_t, int64_t, int64_t block) {
    return has(absl::StrCat("output_blocks.", block, ".1.norm.weight"));
  });
  Relaid relaid;
  for (const auto& [name, weight] : original) {
    std::string known = pairs.ToDiffusers(name);
    if (known.empty() || !relaid.weights.emplace(std::move(known), weight).second) {
      relaid.unknown.push_back(name);
    }
  }
  return relaid;
}

NamePairs UnetNames(const NamedWeights& diffusers) {
  const auto has = [&diffusers](const std::string& name) { return diffusers.contains(name); };
  std::vector<int64_t> resnets;
  while (has(absl::StrCat("down_blocks.", resnets.size(), ".resnets.0.norm1.weight"))) {
    const size_t level = resnets.size();
    int64_t count = 1;
    while (has(absl::StrCat("down_blocks.", level, ".resnets.", count, ".norm1.weight"))) ++count;
    resnets.push_back(count);
  }
  return UnetPairs(
      resnets, has("add_embedding.linear_1.weight"), [&](size_t level, int64_t i, int64_t) {
        return has(absl::StrCat("up_blocks.", level, ".attentions.", i, ".norm.weight"));
      });
}

Relaid UnetToOriginal(const NamedWeights& diffusers) {
  const NamePairs pairs = UnetNames(diffusers);
  Relaid relaid;
  for (const auto& [name, weight] : diffusers) {
    std::string known = pairs.ToOriginal(name);
    if (known.empty() || !relaid.weights.emplace(std::move(known), weight).second) {
      relaid.unknown.push_back(name);
    }
  }
  return relaid;
}

}  // namespace weft
