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

// Packed weights, and what counts them on the meter of the run that made them.
struct Counted {
  std::shared_ptr<const Packed> packed;
  std::shared_ptr<Buffer> counts;
  std::shared_ptr<Buffer> reading;  // where the use itself reads the weights
};

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

bool PackedSlot::Stays(Entry& entry, const std::shared_ptr<KeepBudget>& budget) {
  if (budget == nullptr || entry.budget.lock() == budget) return true;
  std::shared_ptr<const void> reserved = KeepBudget::Reserve(budget, entry.bytes);
  if (reserved == nullptr) return false;
  entry.budget = budget;
  entry.reserved = std::move(reserved);
  return true;
}

absl::StatusOr<std::shared_ptr<const Packed>> PackedSlot::GetOrPack(const Use& use,
                                                                    const Pack& pack) const {
  absl::MutexLock lock(&state_->mutex);
  auto& entries = state_->entries;
  const bool dry = use.backend.device() == Device::kMeta;
  const std::shared_ptr<MemoryMeter>& meter = use.allocator.meter();
  size_t ready = 0;
  bool kernel_counted = false;
  for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
    if (entry->compute != use.compute) continue;
    if (dry && !entry->dry) ready += entry->bytes;
    if (entry->backend != use.backend.name() || (dry && entry->meter.lock() != meter)) continue;
    if (entry->packed == nullptr) {
      kernel_counted = kernel_counted || entry->meter.lock() == meter;
      continue;
    }
    std::shared_ptr<const Packed> packed = entry->packed;
    // What a run without a budget has left here is used once more, and then makes room.
    if (!Stays(*entry, use.keep)) {
      use.keep->NoteStreamed(entry->bytes);
      entries.erase(entry);
    }
    return packed;
  }
  if (use.keep != nullptr) use.keep->NoteReady(ready);
  if (!kernel_counted && !dry) {
    // What counted the code for an earlier run.
    entries.erase(std::remove_if(entries.begin(), entries.end(),
                                 [](const Entry& e) { return !e.dry && e.packed == nullptr; }),
                  entries.end());
  }
  // A meter of its own tells what stays; the run's gets to know it, and the most there was.
  const Allocator own(use.allocator.device());
  const bool once = use.keep != nullptr && !use.keep->HasRoom(use.least_bytes);
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<Buffer> reading,
                        Buffer::Allocate(Device::kMeta, use.scratch_bytes, meter));
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const Packed> made, pack(own, once));
  const size_t bytes = own.meter()->live() + kKernelBytes;
  auto counted = std::make_shared<Counted>();
  WEFT_ASSIGN_OR_RETURN(
      std::shared_ptr<Buffer> most,
      Buffer::Allocate(Device::kMeta, own.meter()->peak() - own.meter()->live(), meter));
  WEFT_ASSIGN_OR_RETURN(counted->counts, Buffer::Allocate(Device::kMeta, bytes, meter));
  most = nullptr;
  counted->packed = std::move(made);
  if (once) counted->reading = std::move(reading);
  std::shared_ptr<const Packed> packed(counted, counted->packed.get());

  Entry entry{std::string(use.backend.name()), use.compute, dry, meter, packed, bytes, {}, {}};
  if (once || !Stays(entry, use.keep)) {
    use.keep->NoteStreamed(std::max(bytes, use.least_bytes));
    // The code that was generated stays, for the next use: it is counted by an entry of its own.
    counted->counts = nullptr;
    WEFT_ASSIGN_OR_RETURN(counted->counts,
                          Buffer::Allocate(Device::kMeta, bytes - kKernelBytes, meter));
    if (kernel_counted) return packed;
    WEFT_ASSIGN_OR_RETURN(entry.reserved, Buffer::Allocate(Device::kMeta, kKernelBytes, meter));
    entry.packed = nullptr;
    entry.bytes = 0;
  }
  const auto is_dry = [](const Entry& other) { return other.dry; };
  if (dry && std::count_if(entries.begin(), entries.end(), is_dry) >= kDryRuns) {
    entries.erase(std::find_if(entries.begin(), entries.end(), is_dry));
  }
  entries.push_back(std::move(entry));
  return packed;
}

}  // namespace weft
