#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_ATTENTION_BF16_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_ATTENTION_BF16_H_

#include <cstddef>

#include "runtime/backend/cpu/kernels/attention_tile.h"

namespace weft::cpu {

// Attention with the processor's bf16 dot product. To be called only where HasBF16Dot().
void PackHeadBF16(const AttentionTile& tile, std::byte* packed);
void AttendTileBF16(const AttentionTile& tile, const std::byte* packed, std::byte* workspace);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_ATTENTION_BF16_H_
