#include "runtime/backend/cpu/kernels/bf16_dot.h"

#include "hwy/targets.h"

namespace weft::cpu {

bool HasBF16Dot() {
  // Asks Highway too, so that tests can stand on an older processor.
  return (hwy::SupportedTargets() & HWY_AVX3) != 0 && __builtin_cpu_supports("avx512bf16");
}

}  // namespace weft::cpu
