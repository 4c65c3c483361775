#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_DISPATCH_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_DISPATCH_H_

// The instruction sets that kernels are compiled for: AVX-512, AVX2, and plain C++ for anything
// else. To be included before Highway.
#define HWY_DISABLED_TARGETS ((1LL << 7) | (1LL << 11) | (1LL << 12))  // AVX3_DL, SSE4, SSSE3

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_DISPATCH_H_
