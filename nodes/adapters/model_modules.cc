#include "nodes/adapters/model_modules.h"

#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/nearest_name.h"

namespace weft {
namespace {

using Renamed = std::pair<absl::string_view, absl::string_view>;

constexpr Renamed kResnet[] = {
    {"norm1", "in_layers.0"},  {"conv1", "in_layers.2"},  {"time_emb_proj", "emb_layers.1"},
    {"norm2", "out_layers.0"}, {"conv2", "out_layers.3"}, {"conv_shortcut", "skip_connection"}};
constexpr Renamed kEnds[] = {{"conv_in", "input_blocks.0.0"},
                             {"time_embedding.linear_1", "time_embed.0"},
                             {"time_embedding.linear_2", "time_embed.2"},
                             {"add_embedding.linear_1", "label_emb.0.0"},
                             {"add_embedding.linear_2", "label_emb.0.2"},
                             {"conv_norm_out", "out.0"},
                             {"conv_out", "out.2"}};

template <size_t N>
std::string Lookup(const Renamed (&table)[N], absl::string_view name) {
  for (const Renamed& renamed : table) {
    if (renamed.first == name) return std::string(renamed.second);
  }
  return "";
}

std::string Underscored(absl::string_view name) { return absl::StrReplaceAll(name, {{".", "_"}}); }

// What comes behind "….resnets.N" or "….attentions.N" in a block of the original.
std::string Inside(const std::string& block, absl::string_view kind, int64_t position,
                   absl::string_view rest) {
  if (kind == "attentions") return absl::StrCat(block, ".", position, ".", rest);
  const std::string renamed = Lookup(kResnet, rest);
  return renamed.empty() ? "" : absl::StrCat(block, ".", position, ".", renamed);
}

// How many resnets each level of the way down has.
std::vector<int64_t> ResnetsOf(const WeightStore& store) {
  std::vector<int64_t> resnets;
  const auto has = [&](size_t level, int64_t i) {
    return store.Find(absl::StrCat("down_blocks.", level, ".resnets.", i, ".conv1.weight")) !=
           nullptr;
  };
  for (size_t level = 0; has(level, 0); ++level) {
    int64_t count = 1;
    while (has(level, count)) ++count;
    resnets.push_back(count);
  }
  return resnets;
}

}  // namespace

std::string OriginalUnetName(absl::string_view module, absl::Span<const int64_t> resnets,
                             bool attention_before_upsampling) {
  if (const std::string end = Lookup(kEnds, module); !end.empty()) return end;
  const std::vector<absl::string_view> parts = absl::StrSplit(module, '.');
  if (parts[0] == "mid_block" && parts.size() > 3) {
    int64_t i = 0;
    if (!absl::SimpleAtoi(parts[2], &i)) return "";
    const std::string rest = absl::StrJoin(parts.begin() + 3, parts.end(), ".");
    if (parts[1] == "attentions") return absl::StrCat("middle_block.1.", rest);
    const std::string renamed = Lookup(kResnet, rest);
    return renamed.empty() ? "" : absl::StrCat("middle_block.", 2 * i, ".", renamed);
  }
  const bool down = parts[0] == "down_blocks";
  if ((!down && parts[0] != "up_blocks") || parts.size() < 5) return "";
  int64_t level = 0;
  int64_t i = 0;
  const auto levels = static_cast<int64_t>(resnets.size());
  if (!absl::SimpleAtoi(parts[1], &level) || !absl::SimpleAtoi(parts[3], &i) || level < 0 ||
      level >= levels) {
    return "";
  }
  // Blocks are counted through: of the way down after the first convolution, with one for each
  // change of size; the way up has one resnet more on each level, and grows in the last one's.
  int64_t block = down ? 1 : 0;
  for (int64_t l = 0; l < level; ++l) {
    block += resnets[static_cast<size_t>(down ? l : levels - 1 - l)] + 1;
  }
  const int64_t here = resnets[static_cast<size_t>(down ? level : levels - 1 - level)];
  const std::string rest = absl::StrJoin(parts.begin() + 4, parts.end(), ".");
  if (parts[2] == "downsamplers") return absl::StrCat("input_blocks.", block + here, ".0.op");
  if (parts[2] == "upsamplers") {
    return absl::StrCat("output_blocks.", block + here, attention_before_upsampling ? ".2" : ".1",
                        ".conv");
  }
  if (parts[2] != "resnets" && parts[2] != "attentions") return "";
  return Inside(absl::StrCat(down ? "input_blocks." : "output_blocks.", block + i), parts[2],
                parts[2] == "attentions" ? 1 : 0, rest);
}

ModelModules::ModelModules(const WeightStore& store, LoraPart part) {
  const std::vector<int64_t> resnets =
      part == LoraPart::kUnet ? ResnetsOf(store) : std::vector<int64_t>();
  for (const auto& [name, weight] : store.weights()) {
    absl::string_view module = name;
    // Tables of embeddings are looked up, not multiplied with: nothing can be added to them here.
    if (!absl::ConsumeSuffix(&module, ".weight") || absl::EndsWith(module, "token_embedding") ||
        absl::EndsWith(module, "position_embedding")) {
      continue;
    }
    const std::string canonical(part == LoraPart::kUnet ? module
                                                        : absl::StripPrefix(module, "text_model."));
    dotted_.emplace(canonical, module);
    underscored_.emplace(Underscored(canonical), module);
    if (part != LoraPart::kUnet) continue;
    const absl::string_view level = absl::string_view(module).substr(0, module.find('.', 10));
    const bool attends = store.Find(absl::StrCat(level, ".attentions.0.norm.weight")) != nullptr;
    if (const std::string original = OriginalUnetName(module, resnets, attends);
        !original.empty()) {
      underscored_.emplace(Underscored(original), module);
    }
  }
}

std::string ModelModules::Find(const ModuleName& name) const {
  const auto& names = name.underscored ? underscored_ : dotted_;
  const auto found = names.find(name.name);
  return found != names.end() ? found->second : "";
}

std::string ModelModules::DidYouMeanFor(const ModuleName& name) const {
  std::vector<std::string> known;
  for (const auto& [known_name, module] : name.underscored ? underscored_ : dotted_) {
    known.push_back(known_name);
  }
  return DidYouMean(name.name, known);
}

}  // namespace weft
