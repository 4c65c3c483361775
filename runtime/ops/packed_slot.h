#ifndef WEFT_RUNTIME_OPS_PACKED_SLOT_H_
#define WEFT_RUNTIME_OPS_PACKED_SLOT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "runtime/backend/backend.h"
#include "runtime/tensor/keep_budget.h"
#include "runtime/weights/weight.h"

namespace weft {

// Where a layer keeps its packed weights: one entry for each kind of backend and compute type that
// has used it. Packing happens at the first use; later uses share it. Where a budget has no room
// for them they are streamed: packed for each use, and dropped when the caller drops them. A dry
// run counts memory, so it shares only with uses that count on the same meter. Copies of a slot are
// the same slot.
class PackedSlot {
 public:
  // Packs with memory of the allocator it is given; `once`: for one use, for nothing will be kept.
  using Pack =
      std::function<absl::StatusOr<std::shared_ptr<const Packed>>(const Allocator&, bool once)>;
  struct Use {
    const Backend& backend;
    DType compute;
    const Allocator& allocator;        // of the run: what is packed counts there
    std::shared_ptr<KeepBudget> keep;  // null: everything is kept
    size_t scratch_bytes = 0;          // that reading the weights takes meanwhile
    size_t least_bytes = 0;            // that the packed weights take in any case
  };

  PackedSlot() : state_(std::make_shared<State>()) {}
  // The slot of all layers that are made of these weights in the way that `kind` spells out:
  // networks that are bound to the same weights share what is packed.
  static PackedSlot SharedBy(absl::Span<const Weight> weights, absl::string_view kind);
  absl::StatusOr<std::shared_ptr<const Packed>> GetOrPack(const Use& use, const Pack& pack) const;

 private:
  struct Entry {
    std::string backend;  // its name
    DType compute;
    bool dry;
    std::weak_ptr<MemoryMeter> meter;  // that a dry run counts on
    std::shared_ptr<const Packed> packed;
    size_t bytes;
    std::weak_ptr<KeepBudget> budget;      // that the bytes are part of
    std::shared_ptr<const void> reserved;  // there
  };
  struct State {
    absl::Mutex mutex;
    std::vector<Entry> entries;
  };
  // Whether the entry may stay where `budget` counts; moves it to that budget.
  static bool Stays(Entry& entry, const std::shared_ptr<KeepBudget>& budget);
  explicit PackedSlot(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_OPS_PACKED_SLOT_H_
