#include "nodes/sampling/deep_cache.h"

#include <utility>

namespace weft {
namespace {

int64_t IntOf(const Record& record, const char* field) {
  const auto it = record.find(field);
  const int64_t* x = it != record.end() ? it->second.AsInt() : nullptr;
  return x != nullptr ? *x : 0;
}

}  // namespace

DeepFeatures DeepFeatures::From(const Record& record) {
  DeepFeatures kept;
  kept.age = IntOf(record, "age");
  kept.branch = IntOf(record, "branch");
  if (const auto told = record.find("told"); told != record.end() && told->second.AsList()) {
    for (const Value& item : *told->second.AsList()) {
      if (item.AsInt() != nullptr) kept.told.push_back(*item.AsInt());
    }
  }
  const auto features = record.find("features");
  if (features != record.end() && features->second.AsTensor() != nullptr) {
    kept.features = *features->second.AsTensor();
  }
  return kept;
}

Record DeepFeatures::To() const {
  List numbers;
  for (const int64_t number : told) numbers.emplace_back(number);
  return {{"age", Value(age)},
          {"branch", Value(branch)},
          {"told", Value(std::move(numbers))},
          {"features", features.empty() ? Value() : Value(features)}};
}

bool Serves(const DeepCache& cache, const std::vector<int64_t>& told) {
  if (!cache.kept.has_value()) return false;
  const DeepFeatures& kept = *cache.kept;
  return !kept.features.empty() && kept.age >= 0 && kept.age < cache.interval - 1 &&
         kept.branch == cache.branch && kept.told == told;
}

}  // namespace weft
