#ifndef WEFT_RUNTIME_BACKEND_CPU_CPU_BACKEND_H_
#define WEFT_RUNTIME_BACKEND_CPU_CPU_BACKEND_H_

#include <memory>

#include "runtime/backend/backend.h"

namespace weft {

// Convolutions and matrix products by oneDNN, everything else by kernels of our own.
std::unique_ptr<Backend> MakeCpuBackend();

// How many threads the CPU backend of this process works with; 0 means one for each core. Results
// do not depend on it.
void SetThreads(int threads);
int Threads();

// The faster of f32 and bf16 here: bf16 where the processor multiplies it natively.
DType BestCompute();
// Whether bf16 is multiplied as such. Where not, the CPU backend stores bf16 and computes in f32.
bool SupportsBf16();
// Whether products of 8-bit codes are native (AVX-512 VNNI). Where not, layers that could be told
// in 8 bits compute in the compute type.
bool SupportsInt8();

}  // namespace weft

#endif  // WEFT_RUNTIME_BACKEND_CPU_CPU_BACKEND_H_
