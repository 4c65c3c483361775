#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/int8_table.h"
#include "runtime/weights/weight_store.h"

namespace weft {
namespace {

// How many matrices are looked into, and how far: each may lie anywhere in a large file.
constexpr size_t kMatrices = 32;
constexpr int64_t kElements = 64;

// FNV-1a over 64 bits.
class Hash {
 public:
  void Add(const void* data, size_t bytes) {
    const auto* at = static_cast<const unsigned char*>(data);
    for (size_t i = 0; i < bytes; ++i) value_ = (value_ ^ at[i]) * 0x100000001b3u;
  }
  void Add(absl::string_view text) {
    Add(text.data(), text.size());
    Add("\n", 1);
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
};

absl::Status AddValues(const Weight& weight, int64_t most, Hash& hash) {
  // Not by Weight::Read, which looks at every value.
  absl::StatusOr<Tensor> tensor = weight.file()->Read(weight.index());
  if (!tensor.ok()) {
    return Annotate(tensor.status(), absl::StrCat("\"", weight.file()->path(), "\": tensor \"",
                                                  weight.name(), "\""));
  }
  const int64_t count = std::min(most, tensor->numel());
  hash.Add(tensor->raw(), static_cast<size_t>(count) * SizeOf(tensor->dtype()));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> WeightsFingerprint(const WeightStore& store) {
  Hash hash;
  std::vector<const Weight*> matrices;
  for (const auto& [name, weight] : store.weights()) {
    hash.Add(absl::StrCat(name, " ", Name(weight.dtype()), " ", weight.shape().ToString()));
    if (weight.shape().rank() <= 1) {
      WEFT_RETURN_IF_ERROR(AddValues(weight, weight.shape().numel(), hash));
    } else {
      matrices.push_back(&weight);
    }
  }
  const size_t looked_into = std::min(kMatrices, matrices.size());
  for (size_t i = 0; i < looked_into; ++i) {
    const Weight& weight = *matrices[i * matrices.size() / looked_into];
    WEFT_RETURN_IF_ERROR(AddValues(weight, kElements, hash));
  }
  return absl::StrCat(absl::Hex(hash.value(), absl::kZeroPad16));
}

}  // namespace weft
