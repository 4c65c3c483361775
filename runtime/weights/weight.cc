#include "runtime/weights/weight.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// A number is NaN or infinite where all bits of its exponent are set: adding its lowest bit then
// carries into the sign's place, which is free, and into no further one. So a word of 8 bytes tells
// of 2 or 4 numbers at once.
template <typename Bits, Bits kExponent>
int64_t FirstWithFullExponent(const std::byte* data, int64_t count) {
  constexpr int64_t kNumbers = sizeof(uint64_t) / sizeof(Bits);
  constexpr uint64_t kOnes = sizeof(Bits) == 2 ? 0x0001000100010001u : 0x0000000100000001u;
  constexpr uint64_t kExponents = kOnes * kExponent;
  constexpr uint64_t kLowest = kOnes * (kExponent & static_cast<Bits>(~kExponent + 1));
  constexpr uint64_t kSigns = kOnes << (8 * sizeof(Bits) - 1);
  const auto at = [data](int64_t i) {
    Bits bits;
    std::memcpy(&bits, data + static_cast<size_t>(i) * sizeof(Bits), sizeof(Bits));
    return bits;
  };
  // Blocks are looked at without branches, and searched where they are hit.
  constexpr int64_t kBlock = 1 << 14;
  int64_t first = count;
#pragma omp parallel for schedule(static) reduction(min : first)
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(count, begin + kBlock);
    uint64_t hit = 0;
    int64_t word = begin;
    for (; word + kNumbers <= end; word += kNumbers) {
      uint64_t bits;
      std::memcpy(&bits, data + static_cast<size_t>(word) * sizeof(Bits), sizeof(bits));
      hit |= (bits & kExponents) + kLowest;
    }
    hit &= kSigns;
    for (; word < end; ++word) hit |= static_cast<uint64_t>((at(word) & kExponent) == kExponent);
    for (int64_t i = begin; hit != 0 && i < end; ++i) {
      if ((at(i) & kExponent) == kExponent) first = std::min(first, i);
    }
  }
  return first < count ? first : -1;
}

}  // namespace

int64_t FirstNonFinite(const Tensor& tensor) {
  if (tensor.raw() == nullptr) return -1;
  switch (tensor.dtype()) {
    case DType::kF32:
      return FirstWithFullExponent<uint32_t, 0x7f800000u>(tensor.raw(), tensor.numel());
    case DType::kBF16:
      return FirstWithFullExponent<uint16_t, 0x7f80u>(tensor.raw(), tensor.numel());
    case DType::kF16:
      return FirstWithFullExponent<uint16_t, 0x7c00u>(tensor.raw(), tensor.numel());
    default:
      return -1;
  }
}

absl::StatusOr<Tensor> Weight::Read() const {
  if (file_ == nullptr) return absl::FailedPreconditionError("there is no such weight to read");
  const auto where = [this] {
    return absl::StrCat("\"", file_->path(), "\": tensor ", Quoted(name_));
  };
  absl::StatusOr<Tensor> tensor = file_->Read(index_);
  if (!tensor.ok()) return Annotate(tensor.status(), where());
  if (state_->finite.load(std::memory_order_relaxed)) return tensor;
  if (const int64_t bad = FirstNonFinite(*tensor); bad >= 0) {
    const absl::StatusOr<Tensor> one = tensor->Reshape(Shape{tensor->numel()});
    float value = 0;
    ConvertElements(one->raw() + static_cast<size_t>(bad) * SizeOf(tensor->dtype()),
                    tensor->dtype(), &value, DType::kF32, 1);
    return absl::DataLossError(absl::StrCat(where(), ": holds ",
                                            value != value ? "NaN" : "infinity", " at element ",
                                            bad, " of ", tensor->numel()));
  }
  state_->finite.store(true, std::memory_order_relaxed);
  return tensor;
}

Weight Weight::WithMerged(std::shared_ptr<const WeightAdapter> adapter) const {
  Weight weight = *this;
  weight.state_ = std::make_shared<State>();
  weight.merged_.push_back(std::move(adapter));
  return weight;
}

Weight Weight::WithLive(std::shared_ptr<const WeightAdapter> adapter) const {
  Weight weight = *this;
  weight.live_.push_back(std::move(adapter));
  return weight;
}

std::shared_ptr<void> Weight::Share(const std::string& key,
                                    absl::FunctionRef<std::shared_ptr<void>()> make) const {
  const absl::MutexLock lock(&state_->mutex);
  std::weak_ptr<void>& entry = state_->shared[key];
  std::shared_ptr<void> shared = entry.lock();
  if (shared == nullptr) {
    shared = make();
    entry = shared;
  }
  return shared;
}

}  // namespace weft
