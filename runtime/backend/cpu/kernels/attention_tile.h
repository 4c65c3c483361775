#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_ATTENTION_TILE_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_ATTENTION_TILE_H_

#include <cstdint>

#include "runtime/tensor/dtype.h"

namespace weft {

// Up to kQueryTile queries of one head, against all its keys and values.
struct AttentionTile {
  DType dtype = DType::kF32;
  const void* q = nullptr;
  const void* k = nullptr;
  const void* v = nullptr;
  void* output = nullptr;
  int64_t q_first = 0;  // which row the first query is: causal masks count from it
  int64_t q_rows = 0;
  int64_t key_rows = 0;
  int64_t q_width = 0;
  int64_t v_width = 0;
  int64_t q_stride = 0;  // elements from row to row
  int64_t k_stride = 0;
  int64_t v_stride = 0;
  int64_t output_stride = 0;
  float scale = 1;
  bool causal = false;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_ATTENTION_TILE_H_
