#include "runtime/ops/packed_slot.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// What generated code and its descriptions take for one layer, measured as the growth of the
// resident set over the layers of the shipped graphs. No allocator sees it, so it is counted here,
// the same in a run and in a dry run.
constexpr size_t kKernelBytes = size_t{64} << 10;

// What a dry run has packed holds its meter, so it cannot be told from here when that run is over:
// the latest ones are kept, as many as may go on at once.
constexpr std::ptrdiff_t kDryRuns = 4;

}  // namespace

PackedSlot PackedSlot::SharedBy(absl::Span<const Weight> weights, absl::string_view kind) {
  if (weights.empty() || weights[0].empty()) return PackedSlot();
  std::string key(kind);
  for (const Weight& weight : weights) {
    absl::StrAppend(&key, "|", reinterpret_cast<uintptr_t>(weight.identity()));
  }
  // Whoever holds the slot holds the weights too, so no other weight can come to one's address.
  return PackedSlot(std::static_pointer_cast<State>(
      weights[0].Share(key, [] { return std::make_shared<State>(); })));
}

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
  const auto is_dry = [](const Entry& entry) { return entry.dry; };
  if (dry && std::count_if(entries.begin(), entries.end(), is_dry) >= kDryRuns) {
    entries.erase(std::find_if(entries.begin(), entries.end(), is_dry));
  }
  entries.push_back(Entry{std::string(backend.name()), compute, dry, allocator.meter(), packed,
                          std::move(kernel)});
  return packed;
}

}  // namespace weft
