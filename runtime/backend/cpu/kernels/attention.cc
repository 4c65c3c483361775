// Attention by tiles. The loop over threads stands outside of the code that is compiled once for
// each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/backend/cpu/kernels/attention.cc"
#include "runtime/backend/cpu/kernels/attention.h"

#include <omp.h>

#include <algorithm>
#include <limits>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/backend/cpu/kernels/attention_bf16.h"
#include "runtime/backend/cpu/kernels/attention_tile.h"
#include "runtime/backend/cpu/kernels/dot_products.h"
#include "runtime/backend/cpu/kernels/simd_math-inl.h"
#include "runtime/backend/footprint.h"

HWY_BEFORE_NAMESPACE();
namespace weft {
namespace HWY_NAMESPACE {

// Accumulators fill the register file: 24 of 32 with AVX-512, 12 of 16 otherwise.
#if HWY_TARGET == HWY_AVX3
constexpr int kPanelVectors = 4;  // vectors of keys that are scored together
constexpr int kPanelRows = 6;     // queries that are scored together
constexpr int kMaxVectors = 4;    // vectors of value columns that are summed together
constexpr int RowsFor(int vectors) { return vectors <= 3 ? 8 : 6; }
#else
constexpr int kPanelVectors = 2;
constexpr int kPanelRows = 6;
constexpr int kMaxVectors = 3;
constexpr int RowsFor(int vectors) { return vectors == 1 ? 8 : vectors == 2 ? 6 : 4; }
#endif
static_assert(kQueryTile % kPanelRows == 0 && kQueryTile % 8 == 0 && kQueryTile % 4 == 0);

constexpr float kMasked = -std::numeric_limits<float>::infinity();

int64_t PanelKeys() { return kPanelVectors * static_cast<int64_t>(hn::Lanes(Floats())); }
int64_t PaddedWidth(int64_t width) {
  return RoundUp(width, static_cast<int64_t>(hn::Lanes(Floats())));
}

// Keys [rows, width] → panels of PanelKeys() keys, each [width][key]; the last is filled with 0.
template <typename T>
void PackKeysTyped(const T* keys, int64_t stride, int64_t rows, int64_t width, float* packed) {
  const int64_t panel = PanelKeys();
  for (int64_t first = 0; first < rows; first += panel, packed += panel * width) {
    for (int64_t j = 0; j < panel; ++j) {
      const T* key = keys + (first + j) * stride;
      for (int64_t c = 0; c < width; ++c) {
        float value = 0;
        if (first + j < rows) {
          if constexpr (std::is_same_v<T, BF16>) {
            value = ToFloat(key[c]);
          } else {
            value = key[c];
          }
        }
        packed[c * panel + j] = value;
      }
    }
  }
}

// Values [rows, width] → [rows, padded width] f32.
template <typename T>
void PackRows(const T* values, int64_t stride, int64_t rows, int64_t width, int64_t padded,
              float scale, float* packed) {
  for (int64_t j = 0; j < rows; ++j, values += stride, packed += padded) {
    for (int64_t c = 0; c < width; ++c) {
      if constexpr (std::is_same_v<T, BF16>) {
        packed[c] = ToFloat(values[c]) * scale;
      } else {
        packed[c] = values[c] * scale;
      }
    }
    std::fill(packed + width, packed + padded, 0.0f);
  }
}

size_t KeyFloats(int64_t rows, int64_t width) {
  return static_cast<size_t>(RoundUp(rows, PanelKeys()) * width);
}

void PackHead(const AttentionTile& tile, std::byte* packed) {
  auto* keys = reinterpret_cast<float*>(packed);
  float* values = keys + KeyFloats(tile.key_rows, tile.q_width);
  const int64_t padded = PaddedWidth(tile.v_width);
  if (tile.dtype == DType::kBF16) {
    PackKeysTyped(static_cast<const BF16*>(tile.k), tile.k_stride, tile.key_rows, tile.q_width,
                  keys);
    PackRows(static_cast<const BF16*>(tile.v), tile.v_stride, tile.key_rows, tile.v_width, padded,
             1.0f, values);
  } else {
    PackKeysTyped(static_cast<const float*>(tile.k), tile.k_stride, tile.key_rows, tile.q_width,
                  keys);
    PackRows(static_cast<const float*>(tile.v), tile.v_stride, tile.key_rows, tile.v_width, padded,
             1.0f, values);
  }
}

// Scores of kPanelRows queries (rows of q, `width` apart) against one panel of keys.
HWY_INLINE void ScorePanel(const float* q, int64_t width, const float* panel, float* scores) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec sum[kPanelRows][kPanelVectors];
  for (int r = 0; r < kPanelRows; ++r) {
    for (int v = 0; v < kPanelVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  for (int64_t c = 0; c < width; ++c, panel += kPanelVectors * lanes) {
    FloatVec key[kPanelVectors];
    for (int v = 0; v < kPanelVectors; ++v) {
      key[v] = hn::Load(d, panel + static_cast<size_t>(v) * lanes);
    }
    for (int r = 0; r < kPanelRows; ++r) {
      const auto query = hn::Set(d, q[r * width + c]);
      for (int v = 0; v < kPanelVectors; ++v) sum[r][v] = hn::MulAdd(query, key[v], sum[r][v]);
    }
  }
  for (int r = 0; r < kPanelRows; ++r) {
    for (int v = 0; v < kPanelVectors; ++v) {
      hn::Store(sum[r][v], d, scores + r * kKeyBlock + static_cast<int64_t>(lanes) * v);
    }
  }
}

// result[r] = result[r] · fade[r] + Σ_j weights[r][j] · values[j], for kRows rows and kVectors
// vectors of columns.
template <int kVectors>
HWY_INLINE void SumValues(const float* weights, const float* fade, const float* values,
                          int64_t keys, int64_t padded, float* result) {
  constexpr int kRows = RowsFor(kVectors);
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    const auto factor = hn::Set(d, fade[r]);
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] =
          hn::Mul(factor, hn::Load(d, result + r * padded + static_cast<int64_t>(lanes) * v));
    }
  }
  for (int64_t j = 0; j < keys; ++j, values += padded) {
    FloatVec value[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      value[v] = hn::Load(d, values + static_cast<size_t>(v) * lanes);
    }
    for (int r = 0; r < kRows; ++r) {
      const auto weight = hn::Set(d, weights[r * kKeyBlock + j]);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(weight, value[v], sum[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      hn::Store(sum[r][v], d, result + r * padded + static_cast<int64_t>(lanes) * v);
    }
  }
}

template <int kVectors>
void SumValuesOfTile(const float* weights, const float* fade, const float* values, int64_t keys,
                     int64_t padded, int64_t rows, float* result) {
  constexpr int kRows = RowsFor(kVectors);
  for (int64_t r = 0; r < rows; r += kRows) {
    SumValues<kVectors>(weights + r * kKeyBlock, fade + r, values, keys, padded,
                        result + r * padded);
  }
}

// Turns one row of scores (to base 2) into weights; moves the row's maximum and sum on. Returns
// the factor by which what has been summed so far fades.
HWY_INLINE float Soften(float* scores, int64_t keys, float& maximum, float& total) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = keys; j % lanes != 0; ++j) scores[j] = kMasked;
  auto top = hn::Set(d, maximum);
  for (int64_t j = 0; j < keys; j += lanes) top = hn::Max(top, hn::Load(d, scores + j));
  const auto new_max = hn::MaxOfLanes(d, top);
  const float reached = hn::GetLane(new_max);
  auto sum = hn::Zero(d);
  for (int64_t j = 0; j < keys; j += lanes) {
    const auto weight = Exp2(d, hn::Sub(hn::Load(d, scores + j), new_max));
    hn::Store(weight, d, scores + j);
    sum = hn::Add(sum, weight);
  }
  const float fade = hn::GetLane(Exp2(d, hn::Sub(hn::Set(d, maximum), new_max)));
  total = total * fade + hn::GetLane(hn::SumOfLanes(d, sum));
  maximum = reached;
  return fade;
}

void AttendTile(const AttentionTile& tile, const std::byte* packed, std::byte* workspace) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t panel = PanelKeys();
  const int64_t padded = PaddedWidth(tile.v_width);
  const auto* keys = reinterpret_cast<const float*>(packed);
  const float* values = keys + KeyFloats(tile.key_rows, tile.q_width);
  auto* scores = reinterpret_cast<float*>(workspace);  // [kQueryTile][kKeyBlock]
  float* result = scores + kQueryTile * kKeyBlock;     // [kQueryTile][padded]
  float* maximum = result + kQueryTile * padded;       // [kQueryTile]
  float* total = maximum + kQueryTile;                 // [kQueryTile]
  float* fade = total + kQueryTile;                    // [kQueryTile]
  float* q = fade + kQueryTile;                        // [kQueryTile][q_width]

  // Scores come out to base 2: log2(e) goes into the scale.
  const float scale = tile.scale * 1.44269504f;
  if (tile.dtype == DType::kBF16) {
    PackRows(static_cast<const BF16*>(tile.q), tile.q_stride, tile.q_rows, tile.q_width,
             tile.q_width, scale, q);
  } else {
    PackRows(static_cast<const float*>(tile.q), tile.q_stride, tile.q_rows, tile.q_width,
             tile.q_width, scale, q);
  }
  std::fill(q + tile.q_rows * tile.q_width, q + kQueryTile * tile.q_width, 0.0f);
  std::fill(result, maximum, 0.0f);
  std::fill(maximum, total, std::numeric_limits<float>::lowest());
  std::fill(total, q, 0.0f);  // and fade

  const int64_t key_end =
      tile.causal ? std::min(tile.key_rows, tile.q_first + tile.q_rows) : tile.key_rows;
  for (int64_t first = 0; first < key_end; first += kKeyBlock) {
    const int64_t count = std::min(kKeyBlock, key_end - first);
    for (int64_t p = 0; p < count; p += panel) {
      const float* block = keys + (first + p) * tile.q_width;
      for (int64_t r = 0; r < tile.q_rows; r += kPanelRows) {
        ScorePanel(q + r * tile.q_width, tile.q_width, block, scores + r * kKeyBlock + p);
      }
    }
    for (int64_t r = 0; r < tile.q_rows; ++r) {
      float* row = scores + r * kKeyBlock;
      if (tile.causal) {
        const int64_t seen = std::max<int64_t>(0, tile.q_first + r + 1 - first);
        if (seen < count) std::fill(row + seen, row + count, kMasked);
      }
      fade[r] = Soften(row, count, maximum[r], total[r]);
    }
    const float* block_values = values + first * padded;
    for (int64_t c = 0; c < padded;) {
      const int64_t vectors = std::min<int64_t>((padded - c) / lanes, kMaxVectors);
      switch (vectors) {
        case 1:
          SumValuesOfTile<1>(scores, fade, block_values + c, count, padded, tile.q_rows,
                             result + c);
          break;
        case 2:
          SumValuesOfTile<2>(scores, fade, block_values + c, count, padded, tile.q_rows,
                             result + c);
          break;
        case 3:
          SumValuesOfTile<3>(scores, fade, block_values + c, count, padded, tile.q_rows,
                             result + c);
          break;
        default:
          SumValuesOfTile<kMaxVectors>(scores, fade, block_values + c, count, padded, tile.q_rows,
                                       result + c);
      }
      c += vectors * lanes;
    }
  }
  for (int64_t r = 0; r < tile.q_rows; ++r) {
    const float inverse = 1.0f / total[r];
    for (int64_t c = 0; c < tile.v_width; ++c) {
      const float value = result[r * padded + c] * inverse;
      if (tile.dtype == DType::kBF16) {
        static_cast<BF16*>(tile.output)[r * tile.output_stride + c] = ToBF16(value);
      } else {
        static_cast<float*>(tile.output)[r * tile.output_stride + c] = value;
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {
HWY_EXPORT(PackHead);
HWY_EXPORT(AttendTile);

namespace cpu {
namespace {

// Of short sequences with many heads (texts) a thread takes a whole head, from its packing to its
// results: to wait for each other would cost the threads as much as they compute.
constexpr int64_t kFewTiles = 2;
constexpr int64_t kManyHeads = 4;  // for each thread

const std::byte* At(const void* data, int64_t index, DType dtype) {
  return static_cast<const std::byte*>(data) + index * static_cast<int64_t>(SizeOf(dtype));
}

}  // namespace

void Attention(const AttentionCall& call) {
  const bool dot = call.dtype == DType::kBF16 && HasBF16Dot();
  const auto pack = dot ? PackHeadBF16 : HWY_DYNAMIC_DISPATCH(PackHead);
  const auto attend = dot ? AttendTileBF16 : HWY_DYNAMIC_DISPATCH(AttendTile);
  const size_t head_bytes = AttentionPackedBytes(1, call.k.rows, call.q_width, call.v_width);
  const size_t work_bytes = AttentionWorkspaceBytes(call.q_width, call.v_width);
  const int64_t tiles = (call.q.rows + kQueryTile - 1) / kQueryTile;

  const auto tile_of = [&](int64_t b, int64_t head, int64_t index) {
    AttentionTile tile;
    tile.dtype = call.dtype;
    tile.q_first = index * kQueryTile;
    tile.q_rows = std::min(kQueryTile, call.q.rows - tile.q_first);
    tile.key_rows = call.k.rows;
    tile.q_width = call.q_width;
    tile.v_width = call.v_width;
    tile.q_stride = call.q.stride;
    tile.k_stride = call.k.stride;
    tile.v_stride = call.v.stride;
    tile.q = At(call.q.data, (b * call.q.rows + tile.q_first) * call.q.stride + head * call.q_width,
                call.dtype);
    tile.k = At(call.k.data, b * call.k.rows * call.k.stride + head * call.q_width, call.dtype);
    tile.v = At(call.v.data, b * call.v.rows * call.v.stride + head * call.v_width, call.dtype);
    tile.output_stride = call.heads * call.v_width;
    tile.output = const_cast<std::byte*>(
        At(call.output, (b * call.q.rows + tile.q_first) * tile.output_stride + head * call.v_width,
           call.dtype));
    tile.scale = call.scale;
    tile.causal = call.causal;
    return tile;
  };

  if (tiles <= kFewTiles && call.heads >= kManyHeads * call.threads) {
#pragma omp parallel num_threads(call.threads)
    {
      const auto thread = static_cast<size_t>(omp_get_thread_num());
      std::byte* packed = call.packed + thread * head_bytes;
      std::byte* workspace = call.workspace + thread * work_bytes;
#pragma omp for collapse(2) schedule(dynamic) nowait
      for (int64_t b = 0; b < call.batch; ++b) {
        for (int64_t h = 0; h < call.heads; ++h) {
          pack(tile_of(b, h, 0), packed);
          for (int64_t i = 0; i < tiles; ++i) attend(tile_of(b, h, i), packed, workspace);
        }
      }
    }
    return;
  }
  for (int64_t b = 0; b < call.batch; ++b) {
#pragma omp parallel num_threads(call.threads)
    {
#pragma omp for schedule(static)
      for (int64_t h = 0; h < call.heads; ++h) {
        pack(tile_of(b, h, 0), call.packed + static_cast<size_t>(h) * head_bytes);
      }
      std::byte* workspace =
          call.workspace + static_cast<size_t>(omp_get_thread_num()) * work_bytes;
#pragma omp for collapse(2) schedule(dynamic, 1)
      for (int64_t h = 0; h < call.heads; ++h) {
        for (int64_t i = 0; i < tiles; ++i) {
          attend(tile_of(b, h, i), call.packed + static_cast<size_t>(h) * head_bytes, workspace);
        }
      }
    }
  }
}

}  // namespace cpu
}  // namespace weft
#endif  // HWY_ONCE
