#ifndef WEFT_RUNTIME_BACKEND_CPU_ONEDNN_H_
#define WEFT_RUNTIME_BACKEND_CPU_ONEDNN_H_

#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oneapi/dnnl/dnnl.hpp"
#include "runtime/backend/backend.h"

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

// Appends an activation to the post-operations.
void AppendActivation(Activation activation, dnnl::post_ops& post_ops);

// Whether oneDNN's implementation of this name is one of its slow, general ones.
bool IsReference(absl::string_view implementation);

// A weight as a file holds it: one row for each output channel, of any float type and alignment.
struct StoredRows {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;
  int64_t count = 0;
  int64_t length = 0;  // elements in a row
  int64_t stride = 0;  // elements from one row to the next
};

// One weight in the layouts that primitives have asked for: almost always one. Not safe for several
// threads at once.
class WeightLayouts {
 public:
  struct Layout {
    dnnl::memory::desc desc;
    Tensor data;
  };
  // `dims` of the weight as oneDNN sees it, of which `out_axis` counts the rows; the others lie in
  // a row as they are listed. `rows` must live until the first In.
  WeightLayouts(dnnl::memory::dims dims, int out_axis, DType compute, const StoredRows& rows)
      : dims_(std::move(dims)), out_axis_(out_axis), compute_(compute), rows_(rows) {}

  const std::vector<Layout>& layouts() const { return layouts_; }
  // The weight in the layout `desc`, reordered if need be.
  absl::StatusOr<Layout> In(const dnnl::memory::desc& desc, const Allocator& allocator);
  // Writes the weight, which has been packed, to `target`, in the layout `desc`.
  void Copy(const dnnl::memory::desc& desc, void* target) const;

 private:
  // So many rows, `stride` elements apart.
  dnnl::memory::desc Rows(int64_t count, int64_t stride, DType dtype) const;
  absl::Status Pack(const dnnl::memory::desc& desc, void* target, const Allocator& allocator) const;

  dnnl::memory::dims dims_;
  int out_axis_;
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
