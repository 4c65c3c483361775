#include "nodes/models/config_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

using nlohmann::json;

// A model's config is a few kilobytes.
constexpr JsonLimits kLimits{.bytes = size_t{4} << 20, .depth = 32};

std::string InRange(ConfigReader::Range range) {
  return absl::StrCat("an int in ", range.min, "..", range.max);
}

std::string OneOf(const std::vector<std::string>& known) {
  return absl::StrCat("one of ", absl::StrJoin(known, ", "));
}

std::string Brief(const json& value) {
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > 60) text = absl::StrCat(text.substr(0, 57), "...");
  return text;
}

}  // namespace

ConfigReader::ConfigReader(std::string path, json value)
    : path_(std::move(path)), json_(std::make_shared<const json>(std::move(value))) {}

absl::StatusOr<ConfigReader> ConfigReader::Open(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(json value, ReadJsonFile(path, kLimits));
  if (!value.is_object()) return Invalid(Quoted(path), ": expected a JSON object");
  return ConfigReader(path, std::move(value));
}

absl::StatusOr<ConfigReader> ConfigReader::Parse(absl::string_view text, std::string name) {
  absl::StatusOr<json> value = ParseJson(text, kLimits);
  if (!value.ok()) return Annotate(value.status(), Quoted(name));
  if (!value->is_object()) return Invalid(Quoted(name), ": expected a JSON object");
  return ConfigReader(std::move(name), *std::move(value));
}

const json* ConfigReader::Find(absl::string_view key) const {
  const auto it = json_->find(std::string(key));
  return it == json_->end() || it->is_null() ? nullptr : &*it;
}

bool ConfigReader::Has(absl::string_view key) const { return Find(key) != nullptr; }

bool ConfigReader::IsNull(absl::string_view key) const {
  const auto it = json_->find(std::string(key));
  return it != json_->end() && it->is_null();
}

void ConfigReader::Reject(absl::string_view key, absl::string_view expected) {
  const json* value = Find(key);
  errors_.push_back(absl::StrCat("\"", key, "\" is ", value == nullptr ? "missing" : Brief(*value),
                                 "; expected ", expected));
}

void ConfigReader::Only(absl::string_view key, absl::string_view known) {
  const json* value = Find(key);
  if (value == nullptr) return;
  const json wanted = json::parse(known.begin(), known.end(), nullptr, false);
  if (*value != wanted) {
    Reject(key, known == "null" ? std::string("none (not supported)")
                                : absl::StrCat(known, " (nothing else is supported)"));
  }
}

bool ConfigReader::ReadInt(const json& value, Range range, int64_t& out) const {
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > static_cast<uint64_t>(std::max<int64_t>(range.max, 0))) {
    return false;
  }
  if (value.is_number_integer()) {
    out = value.get<int64_t>();
  } else if (value.is_number_float() &&
             std::nearbyint(value.get<double>()) == value.get<double>() &&
             std::abs(value.get<double>()) < 1e15) {
    out = static_cast<int64_t>(value.get<double>());  // "freq_shift": 0.0
  } else {
    return false;
  }
  return out >= range.min && out <= range.max;
}

bool ConfigReader::Bool(absl::string_view key, bool fallback) {
  const json* value = Find(key);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  Reject(key, "true or false");
  return fallback;
}

int64_t ConfigReader::Int(absl::string_view key, int64_t fallback, Range range) {
  const json* value = Find(key);
  int64_t result = fallback;
  if (value == nullptr || ReadInt(*value, range, result)) return result;
  Reject(key, InRange(range));
  return fallback;
}

double ConfigReader::Float(absl::string_view key, double fallback, double min, double max) {
  const json* value = Find(key);
  if (value == nullptr) return fallback;
  if (value->is_number()) {
    const double result = value->get<double>();
    if (result >= min && result <= max) return result;
  }
  Reject(key, absl::StrCat("a number in ", min, "..", max));
  return fallback;
}

std::string ConfigReader::Choice(absl::string_view key, absl::string_view fallback,
                                 const std::vector<std::string>& known) {
  const json* value = Find(key);
  if (value == nullptr) return std::string(fallback);
  if (value->is_string()) {
    std::string result = value->get<std::string>();
    if (std::find(known.begin(), known.end(), result) != known.end()) return result;
  }
  Reject(key, OneOf(known));
  return std::string(fallback);
}

Activation ConfigReader::ActivationOf(absl::string_view key, absl::string_view fallback) {
  static const std::vector<std::pair<std::string, Activation>>& known =
      *new std::vector<std::pair<std::string, Activation>>{
          {"silu", Activation::kSilu},         {"swish", Activation::kSilu},
          {"gelu", Activation::kGelu},         {"quick_gelu", Activation::kQuickGelu},
          {"gelu_new", Activation::kGeluTanh}, {"gelu_pytorch_tanh", Activation::kGeluTanh},
          {"relu", Activation::kRelu}};
  std::vector<std::string> names;
  for (const auto& [name, activation] : known) names.push_back(name);
  const std::string chosen = Choice(key, fallback, names);
  for (const auto& [name, activation] : known) {
    if (name == chosen) return activation;
  }
  return Activation::kNone;
}

std::vector<int64_t> ConfigReader::Ints(absl::string_view key, std::vector<int64_t> fallback,
                                        Range range, size_t max_count) {
  const json* value = Find(key);
  if (value == nullptr) return fallback;
  std::vector<int64_t> result;
  bool fits = value->is_array() && !value->empty() && value->size() <= max_count;
  for (size_t i = 0; fits && i < value->size(); ++i) {
    result.emplace_back();
    fits = ReadInt((*value)[i], range, result.back());
  }
  if (fits) return result;
  Reject(key, absl::StrCat("a list of 1..", max_count, " ints in ", range.min, "..", range.max));
  return fallback;
}

std::vector<double> ConfigReader::Floats(absl::string_view key, std::vector<double> fallback,
                                         double min, double max, size_t max_count) {
  const json* value = Find(key);
  if (value == nullptr) return fallback;
  std::vector<double> result;
  bool fits = value->is_array() && !value->empty() && value->size() <= max_count;
  for (size_t i = 0; fits && i < value->size(); ++i) {
    fits = (*value)[i].is_number();
    if (fits) result.push_back((*value)[i].get<double>());
    fits = fits && result.back() >= min && result.back() <= max;
  }
  if (fits) return result;
  Reject(key, absl::StrCat("a list of 1..", max_count, " numbers in ", min, "..", max));
  return fallback;
}

std::vector<std::string> ConfigReader::Choices(absl::string_view key,
                                               std::vector<std::string> fallback,
                                               const std::vector<std::string>& known,
                                               size_t max_count) {
  const json* value = Find(key);
  if (value == nullptr) return fallback;
  std::vector<std::string> result;
  bool fits = value->is_array() && !value->empty() && value->size() <= max_count;
  for (size_t i = 0; fits && i < value->size(); ++i) {
    fits = (*value)[i].is_string();
    if (fits) result.push_back((*value)[i].get<std::string>());
    fits = fits && std::find(known.begin(), known.end(), result.back()) != known.end();
  }
  if (fits) return result;
  Reject(key, absl::StrCat("a list of 1..", max_count, " of ", absl::StrJoin(known, ", ")));
  return fallback;
}

std::vector<int64_t> ConfigReader::IntEach(absl::string_view key, int64_t fallback, Range range,
                                           size_t count) {
  std::vector<int64_t> result;
  for (const std::vector<int64_t>& item : IntsEach(key, fallback, range, count)) {
    if (item.size() != 1) {
      Reject(key, absl::StrCat(InRange(range), ", or a list of ", count));
      return std::vector<int64_t>(count, fallback);
    }
    result.push_back(item[0]);
  }
  return result;
}

std::vector<std::vector<int64_t>> ConfigReader::IntsEach(absl::string_view key, int64_t fallback,
                                                         Range range, size_t count) {
  const json* value = Find(key);
  std::vector<std::vector<int64_t>> result(count, {fallback});
  if (value == nullptr) return result;
  constexpr size_t kMaxItems = 64;
  const auto read = [&](const json& item, std::vector<int64_t>& out) {
    const size_t items = item.is_array() ? item.size() : 1;
    if (items < 1 || items > kMaxItems) return false;
    out.assign(items, 0);
    for (size_t i = 0; i < items; ++i) {
      if (!ReadInt(item.is_array() ? item[i] : item, range, out[i])) return false;
    }
    return true;
  };
  bool fits = !value->is_array() || value->size() == count;
  for (size_t i = 0; fits && i < count; ++i) {
    fits = read(value->is_array() ? (*value)[i] : *value, result[i]);
  }
  if (fits) return result;
  Reject(key, absl::StrCat(InRange(range), ", or a list of ", count));
  return std::vector<std::vector<int64_t>>(count, {fallback});
}

std::vector<bool> ConfigReader::BoolEach(absl::string_view key, bool fallback, size_t count) {
  const json* value = Find(key);
  std::vector<bool> result(count, fallback);
  if (value == nullptr) return result;
  bool fits = !value->is_array() || value->size() == count;
  for (size_t i = 0; fits && i < count; ++i) {
    const json& item = value->is_array() ? (*value)[i] : *value;
    fits = item.is_boolean();
    if (fits) result[i] = item.get<bool>();
  }
  if (fits) return result;
  Reject(key, absl::StrCat("true or false, or a list of ", count, " of them"));
  return std::vector<bool>(count, fallback);
}

absl::Status ConfigReader::status() const {
  if (errors_.empty()) return absl::OkStatus();
  return Invalid(Quoted(path_), ": ", absl::StrJoin(errors_, "; "));
}

}  // namespace weft
