#include "runtime/backend/cpu/kernels/dot_products.h"

#include "hwy/targets.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace weft::cpu {
namespace {

// Asks Highway too, so that tests can stand on an older processor.
bool HasAvx512() { return (hwy::SupportedTargets() & HWY_AVX3) != 0; }

}  // namespace

bool HasBF16Dot() { return HasAvx512() && __builtin_cpu_supports("avx512bf16"); }

bool HasTiles() {
  // oneDNN asks the system for them.
  const auto have = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto want = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_amx);
  return (have & want) == want;
}

bool HasInt8Dot() { return HasAvx512() && __builtin_cpu_supports("avx512vnni"); }

}  // namespace weft::cpu
