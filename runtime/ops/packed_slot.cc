#include "runtime/ops/packed_slot.h"

#include <algorithm>
#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {

absl::StatusOr<std::shared_ptr<const Packed>> PackedSlot::GetOrPack(const Backend& backend,
                                                                    DType compute,
                                                                    const Allocator& allocator,
                                                                    const Pack& pack) const {
  absl::MutexLock lock(&state_->mutex);
  auto& entries = state_->entries;
  const bool dry = backend.device() == Device::kMeta;
  for (const Entry& entry : entries) {
    if (entry.backend == backend.name() && entry.compute == compute &&
        (!dry || entry.meter.lock() == allocator.meter())) {
      return entry.packed;
    }
  }
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const Packed> packed, pack());
  entries.erase(
      std::remove_if(entries.begin(), entries.end(),
                     [](const Entry& entry) { return entry.dry && entry.meter.expired(); }),
      entries.end());
  entries.push_back(Entry{std::string(backend.name()), compute, dry, allocator.meter(), packed});
  return packed;
}

}  // namespace weft
