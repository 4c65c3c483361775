#ifndef WEFT_NODES_LAYERS_TOKEN_MERGING_H_
#define WEFT_NODES_LAYERS_TOKEN_MERGING_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/ops/ops.h"

namespace weft {

// How self-attention is to do with fewer tokens (Bolya and Hoffman 2023, "Token merging for fast
// stable diffusion", arXiv 2303.17604): in a network's largest pictures, those tokens that are most
// like another one are merged into it before the attention, and get its result after.
struct TokenMerging {
  double ratio = 0.0;          // of all tokens; 0: none
  int64_t max_downsample = 1;  // where pictures are smaller than the latent by no more than this
  // Of each 2×2 tokens one may be merged into: the first, or one that is drawn anew in every
  // attention of every step.
  std::optional<uint64_t> seed;
};

// The tokens of one attention: the pixels of a picture in a network's step.
struct TokenGrid {
  int64_t height = 0;
  int64_t width = 0;
  // How many tokens are to be merged away, or 0.
  int64_t merged = 0;
  std::optional<uint64_t> seed;  // of this attention alone
};

// The grid of a picture height × width in a network whose latent has latent_pixels: without tokens
// to merge where the picture is too small or the ratio leaves none.
TokenGrid GridOf(const TokenMerging& merging, int64_t height, int64_t width, int64_t latent_pixels);

// The seed of the attention `index` at a timestep.
uint64_t AttentionSeed(uint64_t seed, int64_t index, double timestep);

// Tokens that others may be merged into, one of each 2×2 in rising order; odd last rows and columns
// have none.
std::vector<int32_t> DestinationsIn(const TokenGrid& grid);

// Which token becomes part of which: place [batch, rows] i32 says for every token its row among the
// `kept` ones, which stay in order.
struct TokenPlaces {
  int64_t kept = 0;
  Tensor place;
};

// Of the rows of x [batch, height·width, width] those `grid.merged` that are most like a
// destination, by the cosine between them, go to its place. Of equals the first ones go.
TokenPlaces MatchTokens(Ops& ops, const Tensor& x, const TokenGrid& grid);
// [batch, rows, width] → [batch, kept, width]: the mean of the tokens of each place.
Tensor MergeTokens(Ops& ops, const Tensor& x, const TokenPlaces& places);
// [batch, kept, width] → [batch, rows, width]: to every token what its place has.
Tensor UnmergeTokens(Ops& ops, const Tensor& x, const TokenPlaces& places);

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_TOKEN_MERGING_H_
