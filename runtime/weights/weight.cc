#include "runtime/weights/weight.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/tensor/finite.h"

namespace weft {

int64_t FirstNonFinite(const Tensor& tensor) {
  if (tensor.raw() == nullptr) return -1;
  constexpr int64_t kBlock = 1 << 16;
  const auto size = static_cast<int64_t>(SizeOf(tensor.dtype()));
  const int64_t count = tensor.numel();
  int64_t first = count;
#pragma omp parallel for schedule(static) reduction(min : first)
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t bad = FirstNonFinite(tensor.raw() + begin * size, tensor.dtype(),
                                       std::min(kBlock, count - begin));
    if (bad >= 0) first = std::min(first, begin + bad);
  }
  return first < count ? first : -1;
}

std::string Weight::Where() const {
  return absl::StrCat("\"", file_->path(), "\": tensor ", Quoted(name_));
}

absl::StatusOr<Tensor> Weight::ReadUnchecked() const {
  if (file_ == nullptr) return absl::FailedPreconditionError("there is no such weight to read");
  absl::StatusOr<Tensor> tensor = file_->Read(index_);
  if (!tensor.ok()) return Annotate(tensor.status(), Where());
  return tensor;
}

absl::StatusOr<Tensor> Weight::Read() const {
  WEFT_ASSIGN_OR_RETURN(Tensor tensor, ReadUnchecked());
  if (state_->finite.load(std::memory_order_relaxed)) return tensor;
  if (const int64_t bad = FirstNonFinite(tensor); bad >= 0) {
    float value = 0;
    ConvertElements(tensor.raw() + static_cast<size_t>(bad) * SizeOf(tensor.dtype()),
                    tensor.dtype(), &value, DType::kF32, 1);
    return absl::DataLossError(absl::StrCat(Where(), ": holds ",
                                            value != value ? "NaN" : "infinity", " at element ",
                                            bad, " of ", tensor.numel()));
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
