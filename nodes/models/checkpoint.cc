#include "nodes/models/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nodes/models/checkpoint_file.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr absl::string_view kParts[] = {"unet", "vae", "text_encoder", "text_encoder_2"};
constexpr int64_t kClipLargeWidth = 768;  // OpenAI's; OpenCLIP's text encoders are wider

// SD 2 was trained on the states before OpenCLIP's last layer, so diffusers leaves that out, and
// the projection that nothing looks at.
void LeaveOutLastLayer(NamedWeights& text, std::vector<std::string>& set_aside) {
  constexpr absl::string_view kLast = "text_model.encoder.layers.23.";
  for (auto it = text.begin(); it != text.end();) {
    if (absl::StartsWith(it->first, kLast) || it->first == "text_projection.weight") {
      set_aside.push_back(it->second.name());
      it = text.erase(it);
    } else {
      ++it;
    }
  }
}

int64_t TextWidth(const NamedWeights& text) {
  for (const char* name :
       {"text_model.embeddings.token_embedding.weight", "embeddings.token_embedding.weight"}) {
    const auto found = text.find(name);
    if (found != text.end() && found->second.shape().rank() == 2) {
      return found->second.shape().dim(1);
    }
  }
  return 0;
}

void AddPart(const std::string& name, std::string config, NamedWeights weights,
             Checkpoint& checkpoint) {
  PartSource source{
      .name = name,
      .config = std::move(config),
      .config_name = absl::StrCat(checkpoint.path, " (built-in configuration of ", name, ")")};
  source.store = WeightStore::OfWeights(checkpoint.path, std::move(weights));
  source.fingerprint = absl::StrCat(Fingerprint(checkpoint.path), "|", name);
  checkpoint.parts.emplace(name, std::move(source));
}

// The canonical names of one part of a file.
NamedWeights Canonical(NamedWeights weights, bool original, Relaid (*relay)(const NamedWeights&),
                       Checkpoint& checkpoint) {
  if (!original) return weights;
  Relaid relaid = relay(weights);
  for (const std::string& name : relaid.unknown) {
    checkpoint.unused.push_back(weights.at(name).name());
  }
  return std::move(relaid.weights);
}

// The numbers of a small tensor of the file, or none where it has no such tensor.
absl::StatusOr<std::vector<float>> Numbers(const NamedWeights& file, const std::string& name) {
  constexpr int64_t kMost = 64;
  const auto found = file.find(name);
  if (found == file.end() || found->second.shape().numel() > kMost) return std::vector<float>();
  WEFT_ASSIGN_OR_RETURN(const Tensor tensor, found->second.Read());
  std::vector<float> values(static_cast<size_t>(tensor.numel()));
  ConvertElements(tensor.raw(), tensor.dtype(), values.data(), DType::kF32, tensor.numel());
  return values;
}

// What the file says of its training, besides weights: v_pred and ztsnr are what trainers of
// v-prediction models put in; global_step tells SD 2 base from SD 2.
absl::StatusOr<Training> TrainingOf(const NamedWeights& file, const NamedWeights& unet,
                                    const Family& family) {
  Training training{.prediction = std::string(family.prediction),
                    .prediction_guessed = family.prediction_guessed,
                    .zero_snr = file.contains("ztsnr"),
                    .few_steps = unet.contains("time_embedding.cond_proj.weight")};
  if (file.contains("v_pred")) {
    training.prediction = "v_prediction";
    training.prediction_guessed = false;
  } else if (family.id == "sd2") {
    WEFT_ASSIGN_OR_RETURN(const std::vector<float> steps, Numbers(file, "global_step"));
    if (steps == std::vector<float>{static_cast<float>(kStepsOfSd2Base)}) {
      training.prediction = "epsilon";
      training.prediction_guessed = false;
    }
  }
  return training;
}

absl::StatusOr<Checkpoint> OpenFile(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightStore> file, WeightStore::Open(path));
  FileParts split = SplitFile(file->weights());
  Checkpoint checkpoint{.path = path};
  checkpoint.unused = std::move(split.unused);
  checkpoint.set_aside = std::move(split.set_aside);
  bool original = false;

  if (const auto found = split.parts.find("unet"); found != split.parts.end()) {
    const bool ldm = IsOriginalUnet(found->second);
    original |= ldm;
    NamedWeights unet = Canonical(std::move(found->second), ldm, UnetToDiffusers, checkpoint);
    FamilyTraits traits = TraitsOf(unet);
    traits.normalised_latents = file->Find("edm_mean") != nullptr;
    checkpoint.family = &FamilyOf(traits);
    WEFT_ASSIGN_OR_RETURN(checkpoint.training,
                          TrainingOf(file->weights(), unet, *checkpoint.family));
    checkpoint.scheduler = SchedulerConfigText(*checkpoint.family, checkpoint.training);
    std::string config = UnetConfigText(unet, *checkpoint.family);
    AddPart("unet", std::move(config), std::move(unet), checkpoint);
  }
  if (const auto found = split.parts.find("vae"); found != split.parts.end()) {
    const bool ldm = IsOriginalVae(found->second);
    original |= ldm;
    NamedWeights vae = Canonical(std::move(found->second), ldm, VaeToDiffusers, checkpoint);
    LatentScale scale;
    if (checkpoint.family != nullptr) {
      scale.factor = checkpoint.family->scaling;
      scale.sample_size = checkpoint.family->sample_size;
    }
    WEFT_ASSIGN_OR_RETURN(scale.mean, Numbers(file->weights(), "edm_mean"));
    WEFT_ASSIGN_OR_RETURN(scale.std, Numbers(file->weights(), "edm_std"));
    std::string config = VaeConfigText(vae, scale);
    AddPart("vae", std::move(config), std::move(vae), checkpoint);
  }
  for (const char* name : {"text_encoder", "text_encoder_2"}) {
    const auto found = split.parts.find(name);
    if (found == split.parts.end()) continue;
    const bool open_clip = IsOpenClip(found->second);
    original |= open_clip;
    NamedWeights text = Canonical(std::move(found->second), open_clip, TextToDiffusers, checkpoint);
    const bool gelu = open_clip || TextWidth(text) > kClipLargeWidth;
    constexpr int64_t kSd2Width = 1024;
    if (open_clip && name == absl::string_view("text_encoder") &&
        (!split.bare || TextWidth(text) == kSd2Width)) {
      LeaveOutLastLayer(text, checkpoint.set_aside);
    }
    std::string config = TextConfigText(text, gelu);
    AddPart(name, std::move(config), std::move(text), checkpoint);
    checkpoint.parts[name].open_clip = gelu;
  }
  if (checkpoint.parts.empty()) {
    constexpr size_t kShown = 3;
    std::vector<std::string> some = checkpoint.unused;
    some.resize(std::min(some.size(), kShown));
    return Invalid("\"", path,
                   "\": holds no part that weft knows: no UNet, autoencoder or CLIP text encoder",
                   some.empty() ? "" : "; its tensors are named ", absl::StrJoin(some, ", "),
                   "; LoadLora and LoadEmbedding read what is added to a model");
  }
  checkpoint.layout =
      absl::StrCat(original ? "original (LDM, SGM or OpenCLIP) names" : "diffusers names",
                   split.bare ? ", one part alone" : ", single file");
  return checkpoint;
}

// The part whose own folder this is, by the class that its config.json names, or "".
std::string PartOfFolder(const std::string& path) {
  const absl::StatusOr<std::string> text =
      ReadFile((fs::path(path) / "config.json").string(), JsonLimits().bytes);
  if (!text.ok()) return "";
  const auto config = nlohmann::json::parse(*text, nullptr, false);
  if (!config.is_object()) return "";
  if (config.value("_class_name", Json()) == "UNet2DConditionModel") return "unet";
  if (absl::StartsWith(config.value("_class_name", Json("")).dump(), "\"Autoencoder")) return "vae";
  return config.value("model_type", Json()) == "clip_text_model" ? "text_encoder" : "";
}

// A folder of parts, as diffusers writes it, or one part's own.
absl::StatusOr<Checkpoint> OpenFolder(const std::string& path) {
  Checkpoint checkpoint{.path = path, .layout = "diffusers folder"};
  std::error_code error;
  for (const absl::string_view part : kParts) {
    const fs::path folder = fs::path(path) / std::string(part);
    if (!fs::is_directory(folder, error)) continue;
    WEFT_ASSIGN_OR_RETURN(checkpoint.parts[std::string(part)],
                          OpenPartFolder(folder.string(), part));
  }
  const fs::path scheduler = fs::path(path) / "scheduler" / "scheduler_config.json";
  if (FileExists(scheduler.string())) {
    WEFT_ASSIGN_OR_RETURN(checkpoint.scheduler, ReadFile(scheduler.string(), JsonLimits().bytes));
  }
  if (const std::string part = PartOfFolder(path); checkpoint.parts.empty() && !part.empty()) {
    WEFT_ASSIGN_OR_RETURN(checkpoint.parts[part], OpenPartFolder(path, part));
    checkpoint.layout = "diffusers folder of one part";
  }
  if (checkpoint.parts.empty()) {
    return absl::NotFoundError(
        absl::StrCat("\"", path,
                     "\": holds no part of a model: no folder unet, vae, text_encoder "
                     "or text_encoder_2"));
  }
  const auto unet = checkpoint.parts.find("unet");
  if (unet == checkpoint.parts.end()) return checkpoint;
  checkpoint.family = &FamilyOf(TraitsOf(unet->second.store->weights()));
  const auto json = nlohmann::json::parse(checkpoint.scheduler, nullptr, false);
  if (json.is_object() && json.contains("prediction_type") && json["prediction_type"].is_string()) {
    checkpoint.training.prediction = json["prediction_type"].get<std::string>();
  } else {
    checkpoint.training.prediction = "epsilon";  // every scheduler's default in diffusers
  }
  checkpoint.training.zero_snr =
      json.is_object() && json.value("rescale_betas_zero_snr", Json()) == true;
  return checkpoint;
}

}  // namespace

std::string Fingerprint(const std::string& path) {
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(path, error);
  std::string print = error ? path : canonical.string();
  fs::file_time_type newest = fs::file_time_type::min();
  uint64_t bytes = 0;
  const auto count = [&](const fs::directory_entry& entry) {
    std::error_code ignored;
    newest = std::max(newest, entry.last_write_time(ignored));
    const auto size = entry.file_size(ignored);
    if (!ignored) bytes += size;
  };
  if (!fs::is_directory(path, error)) {
    count(fs::directory_entry(path, error));
  } else {
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      count(*it);
    }
  }
  absl::StrAppend(&print, "|", newest.time_since_epoch().count(), "|", bytes);
  return print;
}

absl::StatusOr<PartSource> Checkpoint::Part(absl::string_view name) const {
  const auto found = parts.find(std::string(name));
  if (found != parts.end()) return found->second;
  std::vector<std::string> there;
  for (const auto& [part, source] : parts) there.push_back(part);
  return absl::NotFoundError(
      absl::StrCat("\"", path, "\"", family != nullptr ? absl::StrCat(" (", family->name, ")") : "",
                   " has no ", name, ", which is wired here; it has ", absl::StrJoin(there, ", ")));
}

absl::StatusOr<PartSource> OpenPartFolder(const std::string& folder, absl::string_view part) {
  PartSource source{.name = std::string(part)};
  source.config_name = (fs::path(folder) / "config.json").string();
  WEFT_ASSIGN_OR_RETURN(source.config, ReadFile(source.config_name, JsonLimits().bytes));
  const bool text = absl::StartsWith(part, "text_encoder");
  WEFT_ASSIGN_OR_RETURN(
      source.store, WeightStore::OpenFolder(folder, text ? "model" : "diffusion_pytorch_model"));
  source.fingerprint = Fingerprint(folder);
  if (text) {
    const auto json = nlohmann::json::parse(source.config, nullptr, false);
    const auto activation = json.is_object() ? json.find("hidden_act") : json.end();
    source.open_clip = activation != json.end() && *activation == "gelu";
    // A config that names no class leaves it to the weights.
    if (json.is_object() && !json.contains("architectures") &&
        source.store->Find("text_projection.weight") != nullptr) {
      nlohmann::json named = json;
      named["architectures"] = {"CLIPTextModelWithProjection"};
      source.config = named.dump(2);
    }
  }
  return source;
}

absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error) ? OpenFolder(path) : OpenFile(path);
}

}  // namespace weft
