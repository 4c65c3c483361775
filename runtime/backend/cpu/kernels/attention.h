#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_ATTENTION_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_ATTENTION_H_

#include <cstdint>

#include "runtime/backend/backend.h"

namespace weft::cpu {

// softmax(q·kᵀ·scale)·v of every head of every batch. Head h of q is columns h·width … of its rows,
// which lie `stride` elements apart; batches lie rows · stride apart.
struct AttentionCall {
  struct Matrix {
    const void* data = nullptr;
    int64_t rows = 0;  // of one batch
    int64_t stride = 0;
  };
  Matrix q, k, v;
  int64_t batch = 0;
  int64_t heads = 0;
  int64_t q_width = 0;  // of a head of q and k
  int64_t v_width = 0;  // of a head of v and of the result
  float scale = 1;
  bool causal = false;
  DType dtype = DType::kF32;
  void* output = nullptr;          // [batch, q.rows, heads · v_width]
  std::byte* packed = nullptr;     // AttentionPackedBytes: keys and values of one batch
  std::byte* workspace = nullptr;  // AttentionWorkspaceBytes for each of `threads`
  int threads = 1;
};

// The keys are gone through in blocks with a running maximum and sum ("online softmax", Milakov
// and Gimelshein 2018; FlashAttention, Dao et al. 2022), so that only a tile of scores exists at a
// time. The order of all sums depends on the shape alone.
void Attention(const AttentionCall& call);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_ATTENTION_H_
