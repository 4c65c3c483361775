#include "runtime/command/describe_model.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "nodes/adapters/lora.h"
#include "nodes/models/parts.h"
#include "runtime/base/status_macros.h"
#include "runtime/exec/process_memory.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

Json Counts(const NamedWeights& weights) {
  int64_t parameters = 0;
  size_t bytes = 0;
  Json dtypes = Json::object();
  for (const auto& [name, weight] : weights) {
    const int64_t count = weight.shape().numel();
    const std::string dtype(Name(weight.dtype()));
    parameters += count;
    bytes += static_cast<size_t>(count) * SizeOf(weight.dtype());
    dtypes[dtype] = dtypes.value(dtype, int64_t{0}) + count;
  }
  return {{"tensors", weights.size()},
          {"parameters", parameters},
          {"bytes", bytes},
          {"dtypes", std::move(dtypes)}};
}

template <typename Part>
void Bind(const PartSource& source, Json& part) {
  const auto loaded = Part::Load(source);
  if (loaded.ok()) {
    part["unused"] = (*loaded)->unused();
  } else {
    part["wrong"] = std::string(loaded.status().message());
  }
}

// How the weights are stored, and what was passed over in reading them: a pickle's other objects.
void DescribeFiles(const WeightStore& store, Json& model) {
  for (const auto& file : store.files()) {
    model["format"] = file->format();
    for (const StoredTensor& tensor : file->tensors()) {
      Json& stored = model["stored"][tensor.type];
      stored = (stored.is_null() ? int64_t{0} : stored.get<int64_t>()) + tensor.shape.numel();
    }
    for (const std::string& notice : file->notices()) model["notices"].push_back(notice);
  }
}

void DescribeLora(const Lora& lora, Json& model) {
  model["kind"] = absl::StrJoin(lora.Kinds(), " and ");
  model["description"] = lora.Description();
  model["layout"] = std::string(NameOf(lora.modules()[0].name.dialect));
  model["family"] = std::string(FamilyOfTextWidth(lora.text_width()));
  for (const LoraPart part : {LoraPart::kUnet, LoraPart::kClip, LoraPart::kClip2}) {
    if (const size_t count = lora.CountOf(part); count > 0) {
      model["modules"][std::string(NameOf(part))] = count;
    }
  }
  model["unused"] = lora.unknown();
}

// Whether names are those of adapters, be they whole or not.
bool MadeOfFactors(const NamedWeights& file) {
  return std::any_of(file.begin(), file.end(),
                     [](const auto& entry) { return ParseFactorName(entry.first).has_value(); });
}

// A learned word: a few vectors and nothing else.
bool IsEmbedding(const NamedWeights& file) {
  constexpr size_t kMost = 4;  // both encoders' vectors, and what trainers add
  const bool vectors = std::all_of(
      file.begin(), file.end(), [](const auto& entry) { return entry.second.shape().rank() <= 2; });
  return !file.empty() && file.size() <= kMost && vectors;
}

// Binding a part to its network says what is missing or has another shape.
Json DescribePart(const PartSource& source) {
  Json part = Counts(source.store->weights());
  if (source.name == "unet") {
    Bind<Unet>(source, part);
  } else if (source.name == "vae") {
    Bind<Vae>(source, part);
  } else {
    Bind<ClipTextEncoder>(source, part);
  }
  return part;
}

std::string DtypesText(const Json& dtypes) {
  std::vector<std::string> texts;
  for (const auto& [dtype, count] : dtypes.items()) {
    texts.push_back(dtypes.size() == 1
                        ? dtype
                        : absl::StrCat(dtype, " (", CountText(count.get<int64_t>()), ")"));
  }
  return absl::StrJoin(texts, ", ");
}

std::string CountsText(const Json& counts) {
  return absl::StrCat(counts["tensors"].get<size_t>(), " tensors, ",
                      CountText(counts["parameters"].get<int64_t>()), " parameters, ",
                      DtypesText(counts["dtypes"]), ", ", BytesText(counts["bytes"].get<size_t>()));
}

void AppendNames(absl::string_view title, const Json& names, std::string& text) {
  constexpr size_t kShown = 20;
  if (names.empty()) return;
  absl::StrAppend(&text, "  ", title, ": ", names.size(), "\n");
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    absl::StrAppend(&text, "    ", names[i].get_ref<const std::string&>(), "\n");
  }
  if (names.size() > kShown) absl::StrAppend(&text, "    … and ", names.size() - kShown, " more\n");
}

void AppendFiles(const Json& model, std::string& text) {
  if (model.contains("stored")) {
    absl::StrAppend(&text, "  format: ", model["format"].get<std::string>(), ", stored as ",
                    DtypesText(model["stored"]), "\n");
  }
  if (!model.contains("notices")) return;
  for (const Json& notice : model["notices"]) {
    absl::StrAppend(&text, "  ", notice.get<std::string>(), "\n");
  }
}

}  // namespace

absl::StatusOr<Json> DescribeModel(const std::string& path) {
  Json model = {{"path", path}};
  std::error_code error;
  absl::StatusOr<Checkpoint> opened = OpenCheckpoint(path);
  if (!opened.ok()) {
    const auto lora = Lora::Open(path, std::nullopt);
    if (!lora.ok() && std::filesystem::is_directory(path, error)) return opened.status();
    WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightStore> file,
                          WeightStore::Open(lora.ok() ? (*lora)->path() : path));
    if (lora.ok()) {
      DescribeLora(**lora, model);
    } else {
      const bool embedding = IsEmbedding(file->weights());
      model["kind"] =
          embedding ? "textual inversion" : "tensors that weft does not know as a model";
      if (!embedding && MadeOfFactors(file->weights())) {
        model["wrong"] = std::string(lora.status().message());
      }
    }
    model.update(Counts(file->weights()));
    DescribeFiles(*file, model);
    return model;
  }
  std::vector<std::string> names;
  for (const auto& [name, part] : opened->parts) names.push_back(name);
  model["kind"] = opened->family != nullptr && names.size() > 1 ? "model" : names[0];
  model["layout"] = opened->layout;
  if (opened->family != nullptr) {
    model["family"] = std::string(opened->family->name);
    model["prediction"] = opened->training.prediction;
    model["prediction_guessed"] = opened->training.prediction_guessed;
  }
  for (const auto& [name, part] : opened->parts) model["parts"][name] = DescribePart(part);
  model["unused"] = opened->unused;
  if (!std::filesystem::is_directory(path, error)) {
    WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightStore> file, WeightStore::Open(path));
    DescribeFiles(*file, model);
  }
  model["set_aside"] = opened->set_aside.size();
  return model;
}

std::string ModelText(const Json& model) {
  std::string text;
  if (!model.contains("parts")) {
    const char* const kind = model.contains("description") ? "description" : "kind";
    absl::StrAppend(&text, "  ", model[kind].get<std::string>(), ": ", CountsText(model), "\n");
    AppendFiles(model, text);
    if (model.contains("wrong")) {
      absl::StrAppend(&text, "  wrong: ", model["wrong"].get<std::string>(), "\n");
    }
    if (model.contains("unused")) AppendNames("not used", model["unused"], text);
    return text;
  }
  absl::StrAppend(&text, "  layout: ", model["layout"].get<std::string>(), "\n");
  if (model.contains("family")) {
    absl::StrAppend(
        &text, "  family: ", model["family"].get<std::string>(),
        "\n  predicts: ", model["prediction"].get<std::string>(),
        model["prediction_guessed"].get<bool>() ? " (guessed: the file does not say)" : "", "\n");
  }
  AppendFiles(model, text);
  for (const auto& [name, part] : model["parts"].items()) {
    absl::StrAppend(&text, "  ", name, ": ", CountsText(part), "\n");
    if (part.contains("wrong")) {
      absl::StrAppend(&text, "    wrong: ", part["wrong"].get<std::string>(), "\n");
    } else {
      AppendNames("not used", part["unused"], text);
    }
  }
  AppendNames("not used", model["unused"], text);
  if (const auto count = model["set_aside"].get<size_t>(); count > 0) {
    absl::StrAppend(&text, "  left from training, not needed: ", count, " tensors\n");
  }
  return text;
}

std::string CountText(int64_t n) {
  if (n < 10'000) return absl::StrCat(n);
  if (n < 1'000'000) return absl::StrFormat("%.0f k", static_cast<double>(n) / 1e3);
  return absl::StrFormat("%.1f M", static_cast<double>(n) / 1e6);
}

}  // namespace weft
