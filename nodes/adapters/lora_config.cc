#include "nodes/adapters/lora_config.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

absl::StatusOr<double> PositiveNumber(const nlohmann::json& value, absl::string_view key) {
  if (!value.is_number() || !(value.get<double>() > 0)) {
    return Invalid(Quoted(key), " must be a number above 0, got ", Quoted(value.dump()));
  }
  return value.get<double>();
}

absl::StatusOr<std::vector<std::pair<std::string, double>>> ReadPattern(const nlohmann::json& value,
                                                                        absl::string_view key) {
  std::vector<std::pair<std::string, double>> pattern;
  if (value.is_null()) return pattern;
  if (!value.is_object()) return Invalid(Quoted(key), " must be an object of numbers");
  for (const auto& [module, number] : value.items()) {
    WEFT_ASSIGN_OR_RETURN(const double checked, PositiveNumber(number, key));
    pattern.emplace_back(absl::StartsWith(module, "^") ? module.substr(1) : module, checked);
  }
  return pattern;
}

// PEFT's patterns are ends of module names, from a dot on.
double Matched(const std::vector<std::pair<std::string, double>>& pattern, absl::string_view module,
               double fallback) {
  for (const auto& [key, value] : pattern) {
    if (module == key || absl::EndsWith(module, absl::StrCat(".", key))) return value;
  }
  return fallback;
}

}  // namespace

absl::StatusOr<LoraConfig> LoraConfig::Parse(absl::string_view text, absl::string_view prefix) {
  WEFT_ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(text));
  if (!json.is_object()) return Invalid("expected an object");
  LoraConfig config;
  for (const auto& [full, value] : json.items()) {
    if (!absl::StartsWith(full, prefix)) continue;
    const std::string key = full.substr(prefix.size());
    if (key == "lora_alpha" || key == "alpha") {
      WEFT_ASSIGN_OR_RETURN(config.alpha_, PositiveNumber(value, key));
    } else if (key == "r") {
      WEFT_ASSIGN_OR_RETURN(config.rank_, PositiveNumber(value, key));
    } else if (key == "alpha_pattern") {
      WEFT_ASSIGN_OR_RETURN(config.alpha_pattern_, ReadPattern(value, key));
    } else if (key == "rank_pattern") {
      WEFT_ASSIGN_OR_RETURN(config.rank_pattern_, ReadPattern(value, key));
    } else if (key == "use_rslora") {
      config.rank_stabilized_ = value.is_boolean() && value.get<bool>();
    }
  }
  return config;
}

double LoraConfig::ScaleOf(absl::string_view module, int64_t rank) const {
  if (!alpha_.has_value()) return 1.0;
  const double alpha = Matched(alpha_pattern_, module, *alpha_);
  const double r = rank > 0 ? static_cast<double>(rank) : Matched(rank_pattern_, module, rank_);
  if (!(r > 0)) return 1.0;
  return alpha / (rank_stabilized_ ? std::sqrt(r) : r);
}

}  // namespace weft
