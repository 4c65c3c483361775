#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/backend/cpu/kernels/transpose.cc"
#include "runtime/backend/cpu/kernels/transpose.h"

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/backend/cpu/kernels/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft {
namespace HWY_NAMESPACE {

void TransposeRows(const std::byte* rows, int64_t stride, int64_t words, uint32_t* lines,
                   int64_t line) {
  Transpose(rows, stride, words, lines, line);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {
HWY_EXPORT(TransposeRows);

namespace cpu {

void TransposeWords(const std::byte* rows, int64_t stride, int64_t words, uint32_t* lines,
                    int64_t line) {
  HWY_DYNAMIC_DISPATCH(TransposeRows)(rows, stride, words, lines, line);
}

}  // namespace cpu
}  // namespace weft
#endif  // HWY_ONCE
