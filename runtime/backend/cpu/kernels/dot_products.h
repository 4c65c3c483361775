#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_DOT_PRODUCTS_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_DOT_PRODUCTS_H_

namespace weft::cpu {

// Whether the processor has the bf16 dot product that the kernels named _bf16 stand on
// (AVX512_BF16: two products a lane, summed in f32).
bool HasBF16Dot();
// The same for codes of 8 bits (AVX512_VNNI: four products a lane, summed in s32).
bool HasInt8Dot();
// Whether oneDNN has the processor's tiles (AMX), whose products of bf16 are several times as fast
// as those: what oneDNN can do in bf16 is then left to it.
bool HasTiles();

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_DOT_PRODUCTS_H_
