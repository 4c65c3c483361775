#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/exec/executor.h"

namespace weft {
namespace {

constexpr size_t kShownText = 40;

std::string DescribeTraits(const Traits& traits) {
  if (traits.empty()) return "";
  return absl::StrCat("[", absl::StrJoin(traits, ", ", absl::PairFormatter("=")), "]");
}

}  // namespace

std::string Describe(const Value& value) {
  if (const bool* x = value.AsBool()) return *x ? "bool true" : "bool false";
  if (const int64_t* x = value.AsInt()) return absl::StrCat("int ", *x);
  if (const double* x = value.AsFloat()) return absl::StrCat("float ", *x);
  if (const std::string* x = value.AsText()) {
    return absl::StrCat("text \"", x->size() > kShownText ? x->substr(0, kShownText) + "…" : *x,
                        "\"");
  }
  if (const Tensor* x = value.AsTensor()) {
    return absl::StrCat("tensor ", Name(x->dtype()), " ", x->shape().ToString());
  }
  if (const List* x = value.AsList()) {
    return absl::StrCat("list of ", x->size(), x->empty() ? "" : " × ",
                        x->empty() ? "" : Describe(x->front()));
  }
  if (const Object* x = value.AsObject()) {
    return absl::StrCat(x->type_name(), DescribeTraits(x->traits()));
  }
  return std::string(value.kind());
}

}  // namespace weft
