#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_BF16_DOT_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_BF16_DOT_H_

namespace weft::cpu {

// Whether the processor has the bf16 dot product that the kernels named _bf16 stand on
// (AVX512_BF16: two products a lane, summed in f32).
bool HasBF16Dot();

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_BF16_DOT_H_
