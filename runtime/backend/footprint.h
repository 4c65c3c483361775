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
// A tile of queries, scores, weights and results, these twice, with maxima and sums.
constexpr size_t AttentionWorkspaceBytes(int64_t q_width, int64_t v_width) {
  return static_cast<size_t>(
      4 * kQueryTile * (RoundUp(q_width, 16) + 2 * RoundUp(v_width, 16) + 2 * kKeyBlock + 16));
}

// Of a mapped file, what stands in memory while a weight is packed from it: about as much, by all
// threads together.
inline constexpr size_t kPackingWindow = size_t{4} << 20;

// Whether a convolution goes picture by picture: doubled ones do, and those that hold `sums` over
// several sources, or addends of their own for each picture. Small pictures go together, so that
// weights are read once.
constexpr bool PictureByPicture(bool doubled, bool sums, int64_t pixels) {
  return doubled || (sums && pixels >= 1024);
}

// Rows of a gated linear layer that are computed at a time: about 4 MB of gates.
constexpr int64_t GatedRows(int64_t rows, int64_t width, DType compute) {
  const int64_t fitting =
      (int64_t{4} << 20) / std::max<int64_t>(1, width * static_cast<int64_t>(SizeOf(compute)));
  return std::min(rows, std::max<int64_t>(64, fitting / 64 * 64));
}

// Winograd's convolutions: output channels a panel.
inline constexpr int64_t kWinogradPanel = 64;
// Frequencies of a tile; see winograd.h.
constexpr int64_t WinogradFrequencies(bool doubled) { return doubled ? 9 : 16; }
// Tiles of 2×2 results.
constexpr int64_t WinogradTileCount(int64_t batch, int64_t height, int64_t width, bool doubled) {
  return batch * (doubled ? height * width : (height + 1) / 2 * ((width + 1) / 2));
}
// How many of them a thread takes at a time: what fits in its second cache, in sixes for the
// registers.
constexpr int64_t WinogradTilesAtATime(int64_t tiles, int64_t depth, DType dtype) {
  const int64_t bytes = 16 * depth * static_cast<int64_t>(SizeOf(dtype));
  const int64_t fitting = (int64_t{1} << 19) / std::max<int64_t>(1, bytes) / 6 * 6;
  return std::min(tiles, std::clamp<int64_t>(fitting, 24, 96));
}
// Frequencies of pixels and of results, for one thread.
constexpr size_t WinogradScratchBytes(int64_t tiles, int64_t in_channels, bool doubled,
                                      DType dtype) {
  const int64_t depth = RoundUp(in_channels, 2);
  const int64_t at_a_time = WinogradTilesAtATime(tiles, depth, dtype);
  const int64_t frequencies = WinogradFrequencies(doubled);
  return static_cast<size_t>(
      RoundUp(frequencies * at_a_time * depth * static_cast<int64_t>(SizeOf(dtype)), 64) +
      RoundUp(frequencies * at_a_time * kWinogradPanel * 4, 64));
}

}  // namespace weft

#endif  // WEFT_RUNTIME_BACKEND_FOOTPRINT_H_
