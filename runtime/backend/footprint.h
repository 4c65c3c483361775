#ifndef WEFT_RUNTIME_BACKEND_FOOTPRINT_H_
#define WEFT_RUNTIME_BACKEND_FOOTPRINT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "runtime/tensor/dtype.h"

// How much memory the CPU backend takes besides inputs and outputs. It allocates by these
// functions, and dry runs count by them, so that the two agree.
namespace weft {

constexpr int64_t RoundUp(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// Attention: queries a tile, keys a block.
inline constexpr int64_t kQueryTile = 48;
inline constexpr int64_t kKeyBlock = 512;

// Keys and values of one batch, rearranged: at most f32, rows to the next 64, widths to the
// next 16.
constexpr size_t AttentionPackedBytes(int64_t heads, int64_t key_rows, int64_t q_width,
                                      int64_t v_width) {
  return static_cast<size_t>(heads * RoundUp(key_rows, 64) *
                             (RoundUp(q_width, 2) + RoundUp(v_width, 16)) * 4);
}
// A tile of queries, scores, weights and results, with maxima and sums.
constexpr size_t AttentionWorkspaceBytes(int64_t q_width, int64_t v_width) {
  return static_cast<size_t>(4 * kQueryTile *
                             (RoundUp(q_width, 16) + RoundUp(v_width, 16) + 2 * kKeyBlock + 16));
}

// Whether a convolution with a sum over several sources, or with an addend of its own for each
// picture, goes picture by picture. Small pictures go together, so that weights are read once.
constexpr bool PictureByPicture(int64_t pixels) { return pixels >= 1024; }

// Rows of a gated linear layer that are computed at a time: about 4 MB of gates.
constexpr int64_t GatedRows(int64_t rows, int64_t width, DType compute) {
  const int64_t fitting =
      (int64_t{4} << 20) / std::max<int64_t>(1, width * static_cast<int64_t>(SizeOf(compute)));
  return std::min(rows, std::max<int64_t>(64, fitting / 64 * 64));
}

// Rows of a stored weight that are converted at a time when it is packed: about 1 MB, and whole
// blocks of 64 output channels, which all of oneDNN's layouts are made of.
constexpr int64_t PackedRows(int64_t rows, int64_t length, DType compute) {
  const int64_t fitting =
      (int64_t{1} << 20) / std::max<int64_t>(1, length * static_cast<int64_t>(SizeOf(compute)));
  return std::min(rows, std::max<int64_t>(64, fitting / 64 * 64));
}

// What packing a weight in 8 bits holds meanwhile: some rows in f32, and their codes.
constexpr int64_t Int8PackingBytes(int64_t rows, int64_t length) {
  return PackedRows(rows, length, DType::kF32) * length * 5;
}

}  // namespace weft

#endif  // WEFT_RUNTIME_BACKEND_FOOTPRINT_H_
