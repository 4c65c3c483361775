#include "runtime/ops/packed_slot.h"

#include <algorithm>
#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// What generated code and its descriptions take for one layer, measured as the growth of the
// resident set over the layers of the shipped graphs. No allocator sees it, so it is counted here,
// the same in a run and in a dry run.
constexpr size_t kKernelBytes = size_t{64} << 10;

}  // namespace

absl::StatusOr<std::shared_ptr<const Packed>> PackedSlot::GetOrPack(const Backend& backend,
                                                                    DType compute,
                                                                    const Allocator& allocator,
                                                                    size_t scratch_bytes,
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
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<Buffer> reading,
                        Buffer::Allocate(Device::kMeta, scratch_bytes, allocator.meter()));
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const Packed> packed, pack());
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<Buffer> kernel,
                        Buffer::Allocate(Device::kMeta, kKernelBytes, allocator.meter()));
  entries.erase(
      std::remove_if(entries.begin(), entries.end(),
                     [](const Entry& entry) { return entry.dry && entry.meter.expired(); }),
      entries.end());
  entries.push_back(Entry{std::string(backend.name()), compute, dry, allocator.meter(), packed,
                          std::move(kernel)});
  return packed;
}

}  // namespace weft
