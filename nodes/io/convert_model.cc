#include "nodes/io/convert_model.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nodes/io/model_source.h"
#include "nodes/io/write_tokenizer.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool IsText(absl::string_view part) { return absl::StartsWith(part, "text_encoder"); }

// Names as diffusers and transformers 4 write them, which every version reads.
NamedWeights AsPublished(const PartSource& part) {
  const NamedWeights& weights = part.store->weights();
  if (!IsText(part.name)) return weights;
  NamedWeights published;
  for (const auto& [name, weight] : weights) {
    const bool bare =
        !absl::StartsWith(name, "text_model.") && !absl::StartsWith(name, "text_projection");
    published.emplace(bare ? absl::StrCat("text_model.", name) : name, weight);
  }
  return published;
}

std::string ModelIndex(const Checkpoint& checkpoint) {
  const auto component = [&checkpoint](const char* name, const char* library, Json type) {
    const bool there = checkpoint.parts.contains(name);
    return there ? Json{library, std::move(type)} : Json{nullptr, nullptr};
  };
  const auto text_class = [&checkpoint](const char* name) {
    const auto found = checkpoint.parts.find(name);
    const bool projection = found != checkpoint.parts.end() &&
                            found->second.store->Find("text_projection.weight") != nullptr;
    return projection ? "CLIPTextModelWithProjection" : "CLIPTextModel";
  };
  const Family& family = *checkpoint.family;
  // The version says what the files' names and members mean; inpainting asks for it.
  Json index = {{"_class_name", std::string(family.pipeline)}, {"_diffusers_version", "0.24.0"}};
  const auto add_text = [&](const char* encoder, const char* tokenizer) {
    index[encoder] = component(encoder, "transformers", text_class(encoder));
    const bool there = checkpoint.parts.contains(encoder);
    index[tokenizer] = there ? Json{"transformers", "CLIPTokenizer"} : Json{nullptr, nullptr};
  };
  add_text("text_encoder", "tokenizer");
  if (family.is_sdxl()) {
    add_text("text_encoder_2", "tokenizer_2");
    index["force_zeros_for_empty_prompt"] = !family.is_refiner();
    if (family.is_refiner()) index["requires_aesthetics_score"] = true;
  } else {
    index["feature_extractor"] = {nullptr, nullptr};
    index["safety_checker"] = {nullptr, nullptr};
    index["requires_safety_checker"] = false;
  }
  if (family.is_upscaler()) {
    index["low_res_scheduler"] = {"diffusers", "DDPMScheduler"};
    index["max_noise_level"] = 350;  // as it was trained
  }
  if (family.id == "sd2_depth") index["depth_estimator"] = {nullptr, nullptr};
  const Json scheduler = Json::parse(checkpoint.scheduler, nullptr, false);
  index["scheduler"] = {"diffusers", scheduler.is_object()
                                         ? scheduler.value("_class_name", "DDIMScheduler")
                                         : "DDIMScheduler"};
  index["unet"] = component("unet", "diffusers", "UNet2DConditionModel");
  index["vae"] = component("vae", "diffusers", "AutoencoderKL");
  return index.dump(2) + "\n";
}

absl::Status WritePart(const PartSource& part, const fs::path& folder,
                       const ConvertOptions& options) {
  WEFT_RETURN_IF_ERROR(MakeFolder(folder.string()));
  WEFT_RETURN_IF_ERROR(WriteFile((folder / "config.json").string(), part.config));
  const std::string file = absl::StrCat(IsText(part.name) ? "model" : "diffusion_pytorch_model",
                                        ".safetensors", options.stream.zstd ? ".zst" : "");
  return StreamSafetensors((folder / file).string(), AsPublished(part), options.stream);
}

// A folder's own tokenizer, or CLIP's.
absl::Status CopyTokenizer(const Checkpoint& checkpoint, const PartSource& text,
                           const fs::path& folder, const ConvertOptions& options) {
  const std::string name = text.name == "text_encoder" ? "tokenizer" : "tokenizer_2";
  std::error_code error;
  const fs::path own = fs::path(checkpoint.path) / name;
  if (fs::is_directory(own, error)) {
    fs::copy(own, folder / name, fs::copy_options::recursive, error);
    if (!error) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("\"", own.string(), "\" cannot be copied: ", error.message()));
  }
  return WriteClipTokenizer((folder / name).string(), options.model_folders,
                            PadOf(text.name, checkpoint.family, text.open_clip));
}

absl::Status WriteFolder(const Checkpoint& checkpoint, const fs::path& folder,
                         const ConvertOptions& options) {
  for (const auto& [name, part] : checkpoint.parts) {
    WEFT_RETURN_IF_ERROR(WritePart(part, folder / name, options));
    if (IsText(name)) WEFT_RETURN_IF_ERROR(CopyTokenizer(checkpoint, part, folder, options));
  }
  if (checkpoint.family == nullptr) return absl::OkStatus();
  WEFT_RETURN_IF_ERROR(MakeFolder((folder / "scheduler").string()));
  WEFT_RETURN_IF_ERROR(WriteFile((folder / "scheduler" / "scheduler_config.json").string(),
                                 checkpoint.scheduler.empty()
                                     ? SchedulerConfigText(*checkpoint.family, checkpoint.training)
                                     : checkpoint.scheduler));
  if (checkpoint.family->is_upscaler()) {
    const fs::path name = fs::path("low_res_scheduler") / "scheduler_config.json";
    std::string config = LowResSchedulerConfigText();
    if (const std::string own = (fs::path(checkpoint.path) / name).string(); FileExists(own)) {
      WEFT_ASSIGN_OR_RETURN(config, ReadFile(own, JsonLimits().bytes));
    }
    WEFT_RETURN_IF_ERROR(MakeFolder((folder / "low_res_scheduler").string()));
    WEFT_RETURN_IF_ERROR(WriteFile((folder / name).string(), config));
  }
  return WriteFile((folder / "model_index.json").string(), ModelIndex(checkpoint));
}

// What a single file says of its training, in the tensors that OpenCheckpoint looks for.
absl::StatusOr<NamedWeights> Marks(const Checkpoint& checkpoint) {
  absl::btree_map<std::string, Tensor> marks;
  const auto add = [&marks](const char* name, const std::vector<float>& values) -> absl::Status {
    WEFT_ASSIGN_OR_RETURN(Tensor mark, Tensor::Allocate(Allocator(Device::kCpu), DType::kF32,
                                                        {static_cast<int64_t>(values.size())}));
    std::copy(values.begin(), values.end(), mark.mutable_data<float>());
    marks.emplace(name, std::move(mark));
    return absl::OkStatus();
  };
  const Training& training = checkpoint.training;
  if (training.prediction == "v_prediction" && !training.prediction_guessed) {
    WEFT_RETURN_IF_ERROR(add("v_pred", {1}));
  }
  if (training.zero_snr) WEFT_RETURN_IF_ERROR(add("ztsnr", {1}));
  if (checkpoint.family != nullptr && checkpoint.family->id == "sd2" &&
      training.prediction == "epsilon") {
    // An integer, which no --dtype rounds.
    WEFT_ASSIGN_OR_RETURN(Tensor steps,
                          Tensor::Allocate(Allocator(Device::kCpu), DType::kI32, Shape{1}));
    *steps.mutable_data<int32_t>() = kStepsOfSd2Base;
    marks.emplace("global_step", std::move(steps));
  }
  if (const auto vae = checkpoint.parts.find("vae"); vae != checkpoint.parts.end()) {
    const auto config = nlohmann::json::parse(vae->second.config, nullptr, false);
    for (const auto& [key, name] :
         {std::pair("latents_mean", "edm_mean"), std::pair("latents_std", "edm_std")}) {
      if (!config.is_object() || !config.contains(key) || !config[key].is_array()) continue;
      std::vector<float> values;
      for (const auto& value : config[key]) {
        if (value.is_number()) values.push_back(value.get<float>());
      }
      WEFT_RETURN_IF_ERROR(add(name, values));
    }
  }
  return WeightStore::Of(checkpoint.path, std::move(marks))->weights();
}

// The names of one part in a single file.
Relaid Original(const PartSource& part, const Family* family, std::string& prefix) {
  const bool sdxl = family != nullptr && family->is_sdxl();
  if (part.name == "unet") {
    prefix = "model.diffusion_model.";
    return UnetToOriginal(part.store->weights());
  }
  if (part.name == "vae") {
    prefix = "first_stage_model.";
    return VaeToOriginal(part.store->weights());
  }
  if (part.name == "text_encoder" && !part.open_clip) {
    prefix = sdxl ? "conditioner.embedders.0.transformer." : "cond_stage_model.transformer.";
    return {.weights = AsPublished(part)};
  }
  prefix = !sdxl                  ? "cond_stage_model.model."
           : family->is_refiner() ? "conditioner.embedders.0.model."
                                  : "conditioner.embedders.1.model.";
  return TextToOriginal(part.store->weights());
}

}  // namespace

absl::Status WriteDiffusersFolder(const Checkpoint& checkpoint, const std::string& folder,
                                  const ConvertOptions& options) {
  std::error_code error;
  fs::path target = fs::path(folder).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();  // "model/"
  if (fs::exists(target, error)) {
    return absl::AlreadyExistsError(
        absl::StrCat("\"", folder, "\" is there already; convert to another name, or remove it"));
  }
  const fs::path above = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const fs::path temporary = above / absl::StrCat(".weft-", getpid(), "-convert.tmp");
  const absl::Cleanup remove = [&temporary] {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
  };
  WEFT_RETURN_IF_ERROR(MakeFolder(temporary.string()));
  WEFT_RETURN_IF_ERROR(WriteFolder(checkpoint, temporary, options));
  fs::rename(temporary, target, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("\"", folder, "\" cannot be written: ", error.message()));
}

absl::Status WriteSingleFile(const Checkpoint& checkpoint, const std::string& path,
                             const ConvertOptions& options) {
  NamedWeights all;
  for (const auto& [name, part] : checkpoint.parts) {
    std::string prefix;
    Relaid relaid = Original(part, checkpoint.family, prefix);
    if (!relaid.unknown.empty()) {
      return Invalid("\"", checkpoint.path, "\": the single-file layout has no names for ",
                     relaid.unknown.size(), " tensors of ", name, ": ", SomeOf(relaid.unknown));
    }
    for (auto& [tensor, weight] : relaid.weights) all.emplace(prefix + tensor, std::move(weight));
  }
  WEFT_ASSIGN_OR_RETURN(NamedWeights marks, Marks(checkpoint));
  all.merge(marks);
  return StreamSafetensors(path, all, options.stream);
}

}  // namespace weft
