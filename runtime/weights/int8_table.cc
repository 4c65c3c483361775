#include "runtime/weights/int8_table.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/weight_store.h"

namespace weft {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr int64_t kMostChannels = int64_t{1} << 20;
// Of all layers together: SDXL has a million. A few bytes tell of many channels, each of which
// takes memory.
constexpr int64_t kMostChannelsInAll = int64_t{1} << 23;
constexpr int kMostMigration = 64;
constexpr size_t kMostBytes = size_t{64} << 20;

const Json* Member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found != object.end() ? &*found : nullptr;
}

absl::StatusOr<double> Number(const Json& object, const char* name, double least, double most) {
  const Json* value = Member(object, name);
  if (value == nullptr || !value->is_number()) return Invalid("needs a number \"", name, "\"");
  const auto number = value->get<double>();
  if (!(number >= least && number <= most)) {
    return Invalid("\"", name, "\" is ", number, ", expected ", least, " to ", most);
  }
  return number;
}

absl::StatusOr<int64_t> WholeNumber(const Json& object, const char* name, int64_t least,
                                    int64_t most) {
  WEFT_ASSIGN_OR_RETURN(const double number, Number(object, name, static_cast<double>(least),
                                                    static_cast<double>(most)));
  if (number != std::floor(number))
    return Invalid("\"", name, "\" is ", number, ", no whole number");
  return static_cast<int64_t>(number);
}

absl::StatusOr<Int8Layer> LayerFrom(const Json& json) {
  Int8Layer layer;
  WEFT_ASSIGN_OR_RETURN(layer.noise, Number(json, "noise", 0, Int8Layer::kMostNoise));
  WEFT_ASSIGN_OR_RETURN(layer.multiply_adds, Number(json, "multiply_adds", 0, 1e30));
  if (const Json* kept = Member(json, "kept"); kept != nullptr) {
    if (!kept->is_string() || kept->get_ref<const std::string&>().empty()) {
      return Invalid("\"kept\" is no reason");
    }
    layer.kept = kept->get<std::string>();
    return layer;
  }
  const Json* sources = Member(json, "sources");
  if (sources == nullptr || !sources->is_array() || sources->empty()) {
    return Invalid("needs a list \"sources\", or a reason \"kept\"");
  }
  int64_t channels = 0;
  for (const Json& item : *sources) {
    Int8Layer::Source source;
    WEFT_ASSIGN_OR_RETURN(source.channels, WholeNumber(item, "channels", 1, kMostChannels));
    WEFT_ASSIGN_OR_RETURN(const double scale,
                          Number(item, "scale", Int8Layer::kLeastScale, Int8Layer::kMostScale));
    WEFT_ASSIGN_OR_RETURN(const int64_t zero, WholeNumber(item, "zero", 0, 255));
    source.scale = static_cast<float>(scale);
    source.zero = static_cast<uint8_t>(zero);
    channels += source.channels;
    if (channels > kMostChannels) return Invalid("has too many channels");
    layer.sources.push_back(source);
  }
  const Json* migration = Member(json, "migration");
  if (migration == nullptr) return layer;
  if (!migration->is_array() || static_cast<int64_t>(migration->size()) != channels) {
    return Invalid("\"migration\" is no list of ", channels, " numbers, one for each channel");
  }
  for (const Json& item : *migration) {
    if (!item.is_number_integer() || item.get<double>() < -kMostMigration ||
        item.get<double>() > kMostMigration) {
      return Invalid("\"migration\" holds something else than whole numbers from ", -kMostMigration,
                     " to ", kMostMigration);
    }
    layer.migration.push_back(item.get<int>());
  }
  return layer;
}

absl::StatusOr<Int8Table> TableFrom(const Json& json) {
  Int8Table table;
  WEFT_ASSIGN_OR_RETURN(const int64_t format, WholeNumber(json, "weft_int8", 0, 1'000'000));
  if (format != kFormat) {
    return Invalid("is of format ", format, ", this weft reads ", kFormat, ": make it anew with ",
                   "weft quantize");
  }
  const Json* weights = Member(json, "weights");
  if (weights == nullptr || !weights->is_string()) return Invalid("needs a text \"weights\"");
  table.weights = weights->get<std::string>();
  WEFT_ASSIGN_OR_RETURN(table.first_share, Number(json, "int8_start", 0, 1));
  WEFT_ASSIGN_OR_RETURN(table.last_share, Number(json, "int8_stop", 0, 1));
  if (table.first_share >= table.last_share) {
    return Invalid("\"int8_stop\" is ", table.last_share,
                   ", which is no later than \"int8_start\", ", table.first_share);
  }
  const Json* layers = Member(json, "layers");
  if (layers == nullptr || !layers->is_object()) return Invalid("needs an object \"layers\"");
  int64_t channels = 0;
  for (const auto& [name, value] : layers->items()) {
    absl::StatusOr<Int8Layer> layer = LayerFrom(value);
    if (!layer.ok()) return Annotate(layer.status(), absl::StrCat("layer ", Quoted(name)));
    for (const Int8Layer::Source& source : layer->sources) channels += source.channels;
    if (channels > kMostChannelsInAll) {
      return Invalid("its layers have more than ", kMostChannelsInAll, " channels");
    }
    table.layers.emplace(name, *std::move(layer));
  }
  return table;
}

}  // namespace

Int8Input Int8Layer::Input() const {
  Int8Input input;
  for (const Source& source : sources) {
    for (int64_t c = 0; c < source.channels; ++c) {
      const size_t at = input.scale.size();
      const int halves = migration.empty() ? 0 : migration[at];
      input.scale.push_back(
          static_cast<float>(static_cast<double>(source.scale) * std::exp2(0.5 * halves)));
      input.zero.push_back(source.zero);
    }
  }
  return input;
}

void Int8Table::Index() {
  inputs.clear();
  for (const auto& [name, layer] : layers) {
    if (layer.kept.empty()) inputs[name] = std::make_shared<const Int8Input>(layer.Input());
  }
}

std::shared_ptr<const Int8Input> Int8Table::Find(absl::string_view layer) const {
  const auto found = inputs.find(std::string(layer));
  return found != inputs.end() ? found->second : nullptr;
}

double Int8Table::Share() const {
  double all = 0;
  double in_int8 = 0;
  for (const auto& [name, layer] : layers) {
    all += layer.multiply_adds;
    if (layer.kept.empty()) in_int8 += layer.multiply_adds;
  }
  return all > 0 ? in_int8 / all : 0;
}

std::string Int8Table::ToJson(absl::string_view version) const {
  OrderedJson head = {{"weft_int8", kFormat},    {"weft", std::string(version)},
                      {"weights", weights},      {"int8_start", first_share},
                      {"int8_stop", last_share}, {"multiply_adds_in_int8", Share()}};
  std::string text = head.dump();
  text.pop_back();  // the brace
  absl::StrAppend(&text, ",\n\"layers\": {");
  const char* separator = "\n";
  for (const auto& [name, layer] : layers) {  // a line each
    OrderedJson json = {{"noise", layer.noise}, {"multiply_adds", layer.multiply_adds}};
    if (!layer.kept.empty()) {
      json["kept"] = layer.kept;
    } else {
      for (const Int8Layer::Source& source : layer.sources) {
        json["sources"].push_back(
            {{"channels", source.channels}, {"scale", source.scale}, {"zero", source.zero}});
      }
      if (!layer.migration.empty()) json["migration"] = layer.migration;
    }
    absl::StrAppend(&text, separator, OrderedJson(name).dump(), ": ", json.dump());
    separator = ",\n";
  }
  absl::StrAppend(&text, "\n}}\n");
  return text;
}

absl::StatusOr<std::shared_ptr<const Int8Table>> ParseInt8Table(absl::string_view json,
                                                                const std::string& path) {
  const std::string where = absl::StrCat("\"", path, "\"");
  absl::StatusOr<Json> parsed = ParseJson(json, {.bytes = kMostBytes});
  if (!parsed.ok()) return Annotate(parsed.status(), where);
  absl::StatusOr<Int8Table> table = TableFrom(*parsed);
  if (!table.ok()) return Annotate(table.status(), where);
  table->path = path;
  table->Index();
  return std::make_shared<const Int8Table>(*std::move(table));
}

absl::StatusOr<std::shared_ptr<const Int8Table>> ReadInt8Table(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
  return ParseInt8Table(text, path);
}

std::string Int8TablePath(const std::string& weights) {
  absl::string_view stem = weights;
  for (const absl::string_view ending :
       {".index.json", ".zst", ".safetensors", ".bin", ".ckpt", ".pt", ".pth", ".gguf"}) {
    if (absl::EndsWithIgnoreCase(stem, ending)) stem.remove_suffix(ending.size());
  }
  return absl::StrCat(stem, ".int8.json");
}

absl::Status CheckInt8Table(const Int8Table& table, const WeightStore& store) {
  WEFT_ASSIGN_OR_RETURN(const std::string here, WeightsFingerprint(store));
  if (here != table.weights) {
    return Invalid("\"", table.path, "\" was made for other weights (", table.weights, ") than \"",
                   store.path(), "\" holds (", here,
                   "): make one for these with weft quantize and precision auto");
  }
  std::vector<std::string> known;
  for (const auto& [name, weight] : store.weights()) {
    if (absl::EndsWith(name, ".weight")) known.push_back(name.substr(0, name.size() - 7));
  }
  for (const auto& [name, layer] : table.layers) {
    if (store.Find(absl::StrCat(name, ".weight")) == nullptr) {
      return Invalid("\"", table.path, "\" tells of a layer ", Quoted(name), ", which \"",
                     store.path(), "\" has not", DidYouMean(name, known));
    }
  }
  return absl::OkStatus();
}

std::string Int8Kind(const Int8Input& input) {
  // Whoever holds what was packed holds the input too, so no other can come to its address.
  return absl::StrCat(" int8 ", reinterpret_cast<uintptr_t>(&input));
}

}  // namespace weft
