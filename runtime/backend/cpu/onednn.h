#ifndef WEFT_RUNTIME_BACKEND_CPU_ONEDNN_H_
#define WEFT_RUNTIME_BACKEND_CPU_ONEDNN_H_

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oneapi/dnnl/dnnl.hpp"
#include "runtime/backend/backend.h"
#include "runtime/backend/cpu/kernels/pack_weights.h"

namespace weft::cpu {

const dnnl::engine& Engine();
dnnl::memory::data_type OneDnnType(DType dtype);  // of f32 and bf16
dnnl::memory MemoryOf(const dnnl::memory::desc& desc, const void* data);

// The exception that is being handled, as an error.
absl::Status CurrentError(absl::string_view what);

// What `body` returns. oneDNN's exceptions become errors here and go no further.
template <typename Body>
auto Guard(absl::string_view what, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return CurrentError(what);
  }
}

// Where a residual is: nowhere, where the output goes, or elsewhere.
enum class ResidualMode : uint8_t { kNone, kInPlace, kSeparate };

// Appends an activation to the post-operations.
void AppendActivation(Activation activation, dnnl::post_ops& post_ops);

// Whether oneDNN's implementation of this name is one of its slow, general ones.
bool IsReference(absl::string_view implementation);

// Which axis of a weight, as oneDNN sees it, counts what. The others count the kernel's rows and
// columns, whose positions, one after the other, are the taps.
struct WeightAxes {
  int out, in;
};
// Where a layout has its elements, of `element` bytes.
absl::StatusOr<WeightPlaces> PlacesOf(const dnnl::memory::desc& desc, WeightAxes axes,
                                      size_t element);
// Copies a weight into another layout.
void Reorder(const dnnl::memory& from, const dnnl::memory& to);

// One weight in the layouts that primitives have asked for: almost always one. Not safe for several
// threads at once.
class WeightLayouts {
 public:
  struct Layout {
    dnnl::memory::desc desc;
    Tensor data;
  };
  // `rows` must live until the first In, and until that after a Drop.
  WeightLayouts(WeightAxes axes, DType compute, StoredRows rows)
      : axes_(axes), compute_(compute), rows_(std::move(rows)) {}

  const std::vector<Layout>& layouts() const { return layouts_; }
  // The weight in the layout `desc`, packed or reordered if need be.
  absl::StatusOr<Layout> In(const dnnl::memory::desc& desc, const Allocator& allocator);
  // Lets go of what has been packed: the next In packs anew.
  void Drop() { layouts_.clear(); }
  // Writes the weight, which has been packed, to `target`, in the layout `desc`.
  void Copy(const dnnl::memory::desc& desc, void* target) const;

 private:
  WeightAxes axes_;
  DType compute_;
  StoredRows rows_;
  std::vector<Layout> layouts_;
};

using Arguments = std::unordered_map<int, dnnl::memory>;

// A primitive that is ready to run, and the weight in the layout it wants.
struct Prepared {
  dnnl::primitive primitive;
  dnnl::memory::desc source, destination, scratchpad;
  WeightLayouts::Layout weight;
  int threads = 1;  // that it was made for
};

// Runs with a scratchpad of its own.
absl::Status Execute(const Prepared& prepared, Arguments arguments, const Allocator& allocator);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_ONEDNN_H_
