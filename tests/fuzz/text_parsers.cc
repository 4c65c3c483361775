// Graphs, configs, tokenizer files, indices of shards, Lua patterns.

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "lua/pattern.h"
#include "nodes/models/clip_text_config.h"
#include "nodes/models/unet_config.h"
#include "nodes/models/vae_config.h"
#include "nodes/text/clip_vocabulary.h"
#include "nodes/text/prompt_syntax.h"
#include "nodes/text/tokenizer.h"
#include "runtime/graph/graph_json.h"
#include "runtime/weights/weight_store.h"
#include "tests/fuzz/parsers.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

bool ReadGraph(absl::string_view bytes) {
  const auto graph = ParseGraphJson(bytes, "graph.json");
  return graph.ok() && !ToJson(*graph).empty();
}
std::vector<std::string> GraphSeeds() {
  return {RepositoryFile("graphs/txt2img.json"), RepositoryFile("graphs/inpaint.json"),
          RepositoryFile("graphs/parts/denoise.json")};
}

bool ReadConfig(absl::string_view bytes) {
  const auto reader = ConfigReader::Parse(bytes, "config.json");
  if (!reader.ok()) return false;
  const bool unet = UnetConfig::From(*reader).ok();
  const bool vae = VaeConfig::From(*reader).ok();
  const bool clip = ClipTextConfig::From(*reader).ok();
  return unet || vae || clip;
}
std::vector<std::string> ConfigSeeds() {
  const std::string models = "tests/goldens/models/";
  return {RepositoryFile(models + "unet_sd2/unet/config.json"),
          RepositoryFile(models + "unet_uneven/unet/config.json"),
          RepositoryFile(models + "vae_wide/vae/config.json"),
          RepositoryFile(models + "clip_gelu/text_encoder/config.json")};
}

bool EncodesWith(const ScratchFolder& folder) {
  const auto tokenizer = Tokenizer::Load(folder.path());
  if (!tokenizer.ok()) return false;
  const auto encoded = (*tokenizer)->Encode("A photo of two cats, 3 dogs & <|endoftext|>");
  if (encoded.ok()) (*tokenizer)->Decode(encoded->ids);
  return encoded.ok();
}
bool ReadTokenizerJson(absl::string_view bytes) {
  const ScratchFolder folder;
  folder.Put("tokenizer.json", std::string(bytes));
  return EncodesWith(folder);
}
std::vector<std::string> TokenizerJsonSeeds() {
  return {RepositoryFile("tests/goldens/tokenizer/tokenizer.json")};
}
constexpr char kSmallTokenizer[] = "examples/models/sketch/tokenizer/";
bool ReadVocabulary(absl::string_view bytes) {
  static const std::string merges = RepositoryFile(std::string(kSmallTokenizer) + "merges.txt");
  const ScratchFolder folder;
  folder.Put("vocab.json", std::string(bytes));
  folder.Put("merges.txt", merges);
  return EncodesWith(folder);
}
std::vector<std::string> VocabularySeeds() {
  return {RepositoryFile(std::string(kSmallTokenizer) + "vocab.json")};
}
bool ReadMerges(absl::string_view bytes) {
  static const std::string vocabulary = RepositoryFile(std::string(kSmallTokenizer) + "vocab.json");
  const ScratchFolder folder;
  folder.Put("vocab.json", vocabulary);
  folder.Put("merges.txt", std::string(bytes));
  return EncodesWith(folder);
}
std::vector<std::string> MergesSeeds() {
  return {RepositoryFile(std::string(kSmallTokenizer) + "merges.txt")};
}

// A list of a hundredth of CLIP's merges: reading is the same for each, and mutations hit more.
constexpr size_t kFewMerges = kClipMerges / 100;
bool ReadClipVocabulary(absl::string_view bytes) {
  const ScratchFolder folder;
  const std::string file = folder.Put("merges.txt", std::string(bytes));
  return ClipTokenizerFiles(file, "<|endoftext|>", kFewMerges).ok();
}
std::vector<std::string> ClipVocabularySeeds() {
  std::string merges = "#version: 0.2\n";
  for (size_t i = 0; i < kFewMerges; ++i) absl::StrAppend(&merges, "t", i, " e</w>\n");
  return {merges};
}

// Every text is a prompt: fit are those that say more than one thing.
bool ReadPrompt(absl::string_view bytes) {
  const std::string prompt(bytes);
  const auto texts = ParsePrompt(prompt);
  return texts.ok() && (texts->size() > 1 || texts->front().sections.size() > 1);
}
std::vector<std::string> PromptSeeds() {
  return {"a (red:1.3) house, [[blue]] \\(sky\\) BREAK (a (garden:0.5)",
          "[cat:dog:0.5] and [a|b|[c:d:3]] AND snow :0.6 AND [x::7]"};
}

bool ReadShards(absl::string_view bytes) {
  static const std::string shard = RepositoryFile("tests/goldens/weights/single.safetensors");
  const ScratchFolder folder;
  folder.Put("model-1.safetensors", shard);
  folder.Put("model.safetensors.index.json", std::string(bytes));
  return WeightStore::OpenFolder(folder.path(), "model").ok();
}
std::vector<std::string> ShardSeeds() {
  return {R"({"metadata": {"total_size": 12}, "weight_map": {"value": "model-1.safetensors"}})"};
}

// The pattern, a zero byte, and the text that is searched.
bool MatchPattern(absl::string_view bytes) {
  const size_t end = std::min(bytes.find('\0'), bytes.size());
  const auto pattern = Pattern::Compile(bytes.substr(0, end));
  if (!pattern.ok()) return false;
  int64_t steps = 20'000;
  return pattern->Find(bytes.substr(std::min(end + 1, bytes.size())), 0, steps).ok();
}
std::vector<std::string> PatternSeeds() {
  return {std::string("^%s*(%a[%w_]*)%s*=()") + '\0' + " name = 3",
          std::string("%b()%f[%w]%w-.?[^%]x-z]$") + '\0' + "f(a(b)) cd"};
}

}  // namespace

std::vector<Parser> TextParsers() {
  return {{"graph", ReadGraph, GraphSeeds, ForValues},
          {"config", ReadConfig, ConfigSeeds, ForValues},
          {"tokenizer_json", ReadTokenizerJson, TokenizerJsonSeeds, ForValues},
          {"vocabulary", ReadVocabulary, VocabularySeeds, ForValues},
          {"merges", ReadMerges, MergesSeeds, ForValues},
          {"clip_vocabulary", ReadClipVocabulary, ClipVocabularySeeds, ForValues},
          {"shards", ReadShards, ShardSeeds, ForValues},
          {"prompt", ReadPrompt, PromptSeeds, ForValues},
          {"lua_pattern", MatchPattern, PatternSeeds, ForValues}};
}

}  // namespace weft
