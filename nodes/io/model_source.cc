#include "nodes/io/model_source.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "nodes/text/clip_vocabulary.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kEndOfText = "<|endoftext|>";

// The folder of one part, or an error that says which parts there are.
absl::StatusOr<std::string> PartFolder(const std::string& model, absl::string_view part) {
  std::error_code error;
  const fs::path folder = fs::path(model) / std::string(part);
  if (fs::is_directory(folder, error)) return folder.string();
  std::vector<std::string> there;
  for (fs::directory_iterator it(model, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored)) there.push_back(it->path().filename().string());
  }
  std::sort(there.begin(), there.end());
  // A refiner has no first text encoder: better to say what the model is.
  const absl::StatusOr<Checkpoint> known = OpenCheckpoint(model);
  const std::string family =
      known.ok() && known->family != nullptr ? absl::StrCat(" (", known->family->name, ")") : "";
  return absl::NotFoundError(absl::StrCat(
      "\"", model, "\"", family, " has no folder \"", part, "\", which is wired here; it has ",
      there.empty() ? "no folders" : absl::StrJoin(there, ", ")));
}

}  // namespace

absl::StatusOr<ModelSource> ModelSource::Open(std::string path) {
  ModelSource source;
  source.path_ = std::move(path);
  std::error_code error;
  if (fs::is_directory(source.path_, error)) {
    source.is_part_ = FileExists((fs::path(source.path_) / "config.json").string());
  } else {
    WEFT_ASSIGN_OR_RETURN(source.file_, OpenCheckpoint(source.path_));
  }
  return source;
}

absl::StatusOr<PartSource> ModelSource::Part(absl::string_view name) const {
  if (file_.has_value()) return file_->Part(name);
  if (is_part_) return OpenPartFolder(path_, name);
  WEFT_ASSIGN_OR_RETURN(const std::string folder, PartFolder(path_, name));
  return OpenPartFolder(folder, name);
}

absl::StatusOr<std::shared_ptr<const Tokenizer>> ModelSource::TokenizerOf(
    absl::string_view name, const std::vector<std::string>& model_folders) const {
  if (!file_.has_value()) {
    // A text encoder's own folder lies beside the tokenizer's.
    const std::string model = is_part_ ? fs::path(path_).parent_path().string() : path_;
    WEFT_ASSIGN_OR_RETURN(const std::string folder, PartFolder(model, name));
    return Tokenizer::Load(folder);
  }
  const std::string encoder = name == "tokenizer" ? "text_encoder" : "text_encoder_2";
  WEFT_ASSIGN_OR_RETURN(const PartSource text, file_->Part(encoder));
  WEFT_ASSIGN_OR_RETURN(const std::string vocabulary, FindClipVocabulary(model_folders));
  WEFT_ASSIGN_OR_RETURN(
      TokenizerFiles files,
      ClipTokenizerFiles(vocabulary, PadOf(encoder, file_->family, text.open_clip)));
  return Tokenizer::Of(std::move(files));
}

absl::StatusOr<std::shared_ptr<const SchedulerConfig>> ModelSource::Scheduler(
    absl::string_view prediction) const {
  std::shared_ptr<const SchedulerConfig> config;
  if (file_.has_value()) {
    if (file_->family == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("\"", path_, "\" has no UNet, so nothing says how to step"));
    }
    config =
        std::make_shared<const SchedulerConfig>(nlohmann::json::parse(file_->scheduler), path_);
  } else {
    // A UNet's own folder lies beside the scheduler's.
    const std::string model = is_part_ ? fs::path(path_).parent_path().string() : path_;
    WEFT_ASSIGN_OR_RETURN(const std::string folder, PartFolder(model, "scheduler"));
    WEFT_ASSIGN_OR_RETURN(
        config, SchedulerConfig::Read((fs::path(folder) / "scheduler_config.json").string()));
  }
  if (prediction == "auto") return config;
  nlohmann::json json = config->json();
  json["prediction_type"] = std::string(prediction);
  return std::make_shared<const SchedulerConfig>(std::move(json), config->source());
}

absl::StatusOr<std::shared_ptr<const SchedulerConfig>> ModelSource::LowResScheduler() const {
  if (!file_.has_value()) {
    WEFT_ASSIGN_OR_RETURN(const std::string folder, PartFolder(path_, "low_res_scheduler"));
    return SchedulerConfig::Read((fs::path(folder) / "scheduler_config.json").string());
  }
  return std::make_shared<const SchedulerConfig>(nlohmann::json::parse(LowResSchedulerConfigText()),
                                                 path_);
}

std::vector<std::string> ModelSource::Notices(bool scheduler, absl::string_view prediction) const {
  std::vector<std::string> notices;
  if (!file_.has_value()) return notices;
  if (!file_->unused.empty()) {
    notices.push_back(absl::StrCat("\"", path_, "\": ", file_->unused.size(),
                                   " tensors are not used: ", SomeOf(file_->unused)));
  }
  if (scheduler && file_->training.prediction_guessed && prediction == "auto") {
    notices.push_back(absl::StrCat(
        "\"", path_, "\": nothing in the file says what a ", file_->family->name,
        " model predicts; guessed ", file_->training.prediction,
        " (set prediction_type to epsilon for models of 512×512 pixels, where pictures come out "
        "as noise)"));
  }
  return notices;
}

absl::StatusOr<PartSource> WithTokenizer(PartSource text, const Tokenizer& tokenizer) {
  for (const char* name :
       {"text_model.embeddings.token_embedding.weight", "embeddings.token_embedding.weight"}) {
    const Weight* table = text.store->Find(name);
    if (table == nullptr || table->shape().rank() != 2) continue;
    if (tokenizer.next_id() > table->shape().dim(0)) {
      return Invalid("\"", text.store->path(), "\": the text encoder knows ", table->shape().dim(0),
                     " tokens, the tokenizer beside it has ", tokenizer.next_id(),
                     ": they are not of one model");
    }
  }
  const TextIds ids = {tokenizer.begin_id(), tokenizer.end_id(), tokenizer.pad_id()};
  text.text_ids = ids;
  absl::StrAppend(&text.fingerprint, "|", ids.begin, ",", ids.end, ",", ids.pad);
  return text;
}

absl::string_view PadOf(absl::string_view text_encoder, const Family* family, bool open_clip) {
  if (text_encoder == "text_encoder_2") return "!";
  if (family != nullptr) return family->pad;
  return open_clip ? "!" : kEndOfText;  // a text encoder alone
}

std::string SomeOf(const std::vector<std::string>& names) {
  constexpr size_t kListed = 5;
  const std::vector<std::string> listed(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kListed)));
  return absl::StrCat(absl::StrJoin(listed, ", "), names.size() > kListed ? ", …" : "");
}

}  // namespace weft
