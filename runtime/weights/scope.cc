#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/json.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/weight_store.h"

namespace weft {
namespace {

constexpr size_t kListedMistakes = 8;

// What `name` was probably meant to be. Only names that begin like it, as far as any do, are
// candidates, and only what follows is compared: weight names are long and alike.
std::string Nearest(const absl::btree_map<std::string, Weight>& weights, absl::string_view name) {
  size_t cut = name.rfind('.');
  while (true) {
    const absl::string_view head =
        cut == absl::string_view::npos ? absl::string_view() : name.substr(0, cut + 1);
    std::vector<std::string> tails;
    for (auto it = weights.lower_bound(std::string(head));
         it != weights.end() && absl::StartsWith(it->first, head); ++it) {
      tails.push_back(it->first.substr(head.size()));
    }
    if (!tails.empty()) {
      const std::string tail = NearestName(name.substr(head.size()), tails);
      if (!tail.empty()) return absl::StrCat(head, tail);
    }
    if (head.empty()) return "";
    cut = cut == 0 ? absl::string_view::npos : name.rfind('.', cut - 1);
  }
}

}  // namespace

struct Scope::Audit {
  absl::Mutex mutex;
  absl::flat_hash_set<std::string> asked ABSL_GUARDED_BY(mutex);
  std::vector<std::string> missing ABSL_GUARDED_BY(mutex);
  std::vector<std::string> wrong ABSL_GUARDED_BY(mutex);  // what is wrong, in words
};

Scope::Scope(std::shared_ptr<const WeightStore> store)
    : store_(std::move(store)), audit_(std::make_shared<Audit>()) {}

std::string Scope::FullName(absl::string_view name) const {
  return prefix_.empty() ? std::string(name) : absl::StrCat(prefix_, ".", name);
}

Scope Scope::Sub(absl::string_view name) const { return Scope(store_, FullName(name), audit_); }

Scope Scope::Sub(absl::string_view name, int64_t index) const {
  return Scope(store_, absl::StrCat(FullName(name), ".", index), audit_);
}

bool Scope::Has(absl::string_view name) const { return store_->Find(FullName(name)) != nullptr; }

Shape Scope::ShapeOf(absl::string_view name) const {
  const Weight* weight = store_->Find(FullName(name));
  return weight != nullptr ? weight->shape() : Shape();
}

std::shared_ptr<const Int8Input> Scope::Int8(int64_t channels, int64_t taps) const {
  if (store_->int8() == nullptr) return nullptr;
  std::shared_ptr<const Int8Input> input = store_->int8()->Find(prefix_);
  if (input == nullptr) return nullptr;
  if (static_cast<int64_t>(input->scale.size()) == channels) {
    return channels * taps <= kMostInt8Products ? input : nullptr;
  }
  Fail(absl::StrCat("has ", channels, " channels, \"", store_->int8()->path, "\" tells of ",
                    input->scale.size()));
  return nullptr;
}

void Scope::Ignore(absl::string_view name) const {
  const absl::MutexLock lock(&audit_->mutex);
  audit_->asked.insert(FullName(name));
}

void Scope::Fail(absl::string_view message) const {
  const absl::MutexLock lock(&audit_->mutex);
  audit_->wrong.push_back(prefix_.empty() ? std::string(message)
                                          : absl::StrCat(prefix_, ": ", message));
}

Weight Scope::Get(absl::string_view name, const Shape& shape) const {
  const std::string full = FullName(name);
  const Weight* weight = store_->Find(full);
  const absl::MutexLock lock(&audit_->mutex);
  audit_->asked.insert(full);
  if (weight == nullptr) {
    audit_->missing.push_back(full);
    return Weight();
  }
  const bool is_float = weight->dtype() == DType::kF32 || weight->dtype() == DType::kF16 ||
                        weight->dtype() == DType::kBF16;
  if (!(weight->shape() == shape)) {
    audit_->wrong.push_back(absl::StrCat("tensor ", Quoted(full), " has shape ",
                                         weight->shape().ToString(), ", expected ",
                                         shape.ToString()));
    return Weight();
  }
  if (!is_float) {
    audit_->wrong.push_back(absl::StrCat("tensor ", Quoted(full), " is of type ",
                                         Name(weight->dtype()), ", expected f32, f16 or bf16"));
    return Weight();
  }
  return *weight;
}

absl::Status Scope::status() const {
  const absl::MutexLock lock(&audit_->mutex);
  if (audit_->missing.empty() && audit_->wrong.empty()) return absl::OkStatus();
  std::vector<std::string> told;
  for (const std::string& name : audit_->missing) {
    if (told.size() == kListedMistakes) break;
    const std::string nearest = Nearest(store_->weights(), name);
    told.push_back(absl::StrCat(
        "tensor ", Quoted(name), " is missing",
        nearest.empty() ? "" : absl::StrCat(" (did you mean ", Quoted(nearest), "?)")));
  }
  for (const std::string& wrong : audit_->wrong) {
    if (told.size() >= 2 * kListedMistakes) break;
    told.push_back(wrong);
  }
  const size_t all = audit_->missing.size() + audit_->wrong.size();
  if (all > told.size()) told.push_back(absl::StrCat("and ", all - told.size(), " more"));
  return Invalid("\"", store_->path(), "\": ", absl::StrJoin(told, "; "));
}

std::vector<std::string> Scope::Unused() const {
  const absl::MutexLock lock(&audit_->mutex);
  std::vector<std::string> unused;
  const std::string below = prefix_.empty() ? "" : absl::StrCat(prefix_, ".");
  for (const auto& [name, weight] : store_->weights()) {
    if (absl::StartsWith(name, below) && !audit_->asked.contains(name)) unused.push_back(name);
  }
  return unused;
}

}  // namespace weft
