#include "runtime/backend/cpu/kernels/dot_products.h"

#include "hwy/targets.h"

namespace weft::cpu {
namespace {

// Asks Highway too, so that tests can stand on an older processor.
bool HasAvx512() { return (hwy::SupportedTargets() & HWY_AVX3) != 0; }

}  // namespace

bool HasBF16Dot() { return HasAvx512() && __builtin_cpu_supports("avx512bf16"); }

bool HasInt8Dot() { return HasAvx512() && __builtin_cpu_supports("avx512vnni"); }

}  // namespace weft::cpu
