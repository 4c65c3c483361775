#include "runtime/backend/nearest_rows.h"

#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/backend/cpu/kernels/nearest_rows.h"
#include "runtime/base/status_macros.h"

namespace weft {

absl::StatusOr<NearestRow> FindNearestRows(const Tensor& x, absl::Span<const int32_t> from,
                                           absl::Span<const int32_t> among,
                                           const Allocator& allocator) {
  const Shape shape = {x.dim(0), static_cast<int64_t>(from.size())};
  const int64_t width = x.dim(2);
  const int threads = Threads();
  const int64_t panels = cpu::NearestRowsPanels(static_cast<int64_t>(among.size()), width);
  NearestRow nearest;
  WEFT_ASSIGN_OR_RETURN(nearest.index, Tensor::Allocate(allocator, DType::kI32, shape));
  WEFT_ASSIGN_OR_RETURN(nearest.cosine, Tensor::Allocate(allocator, DType::kF32, shape));
  WEFT_ASSIGN_OR_RETURN(
      Tensor scratch, Tensor::Allocate(allocator, DType::kF32,
                                       Shape{panels + threads * cpu::NearestRowsWorkspace(width)}));
  if (x.is_meta()) return nearest;
  cpu::NearestRowsCall call{
      .dtype = x.dtype(), .width = width, .from = from, .among = among, .threads = threads};
  call.panels = scratch.mutable_data<float>();
  call.workspace = call.panels + panels;
  const size_t picture = static_cast<size_t>(x.dim(1) * width) * SizeOf(x.dtype());
  for (int64_t b = 0; b < x.dim(0); ++b) {
    call.x = x.raw() + static_cast<size_t>(b) * picture;
    call.index = nearest.index.mutable_data<int32_t>() + b * shape.dim(1);
    call.cosine = nearest.cosine.mutable_data<float>() + b * shape.dim(1);
    cpu::NearestRows(call);
  }
  return nearest;
}

}  // namespace weft
