#include "nodes/layers/token_merging.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr int64_t kCell = 2;  // tokens in each direction, of which one is a destination

// SplitMix64 (Steele, Lea and Flood 2014): from a counter to bits that look random.
uint64_t Mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

Tensor New(Ops& ops, DType dtype, Shape shape) {
  absl::StatusOr<Tensor> result = Tensor::Allocate(ops.allocator(), dtype, std::move(shape));
  if (result.ok()) return *std::move(result);
  ops.Fail(std::move(result).status());
  return {};
}

// The tokens of one picture, those of a place together: those of place p are
// tokens[begin[p]] … tokens[begin[p + 1] - 1], in rising order.
struct Members {
  Members(const int32_t* place, int64_t rows, int64_t kept)
      : begin(static_cast<size_t>(kept) + 1), tokens(static_cast<size_t>(rows)) {
    for (int64_t i = 0; i < rows; ++i) ++begin[static_cast<size_t>(place[i]) + 1];
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    std::vector<size_t> next(begin.begin(), begin.end() - 1);
    for (int64_t i = 0; i < rows; ++i) {
      tokens[next[static_cast<size_t>(place[i])]++] = static_cast<size_t>(i);
    }
  }
  std::vector<size_t> begin;
  std::vector<size_t> tokens;
};

float Wide(float x) { return x; }
float Wide(BF16 x) { return ToFloat(x); }
void Store(float x, float& to) { to = x; }
void Store(float x, BF16& to) { to = ToBF16(x); }

// One picture: x [rows, width] → y [kept, width].
template <typename T>
void MergePicture(const T* x, const int32_t* place, int64_t rows, int64_t kept, int64_t width,
                  T* y) {
  const Members members(place, rows, kept);
  const auto size = static_cast<size_t>(width);
  std::vector<float> sum(size);
  for (size_t p = 0; p < static_cast<size_t>(kept); ++p, y += width) {
    const size_t first = members.begin[p], last = members.begin[p + 1];
    if (last - first == 1) {
      std::memcpy(y, x + members.tokens[first] * size, size * sizeof(T));
      continue;
    }
    std::fill(sum.begin(), sum.end(), 0.0f);
    for (size_t m = first; m < last; ++m) {
      const T* row = x + members.tokens[m] * size;
      for (size_t c = 0; c < size; ++c) sum[c] += Wide(row[c]);
    }
    const float share = 1.0f / static_cast<float>(last - first);
    for (size_t c = 0; c < size; ++c) Store(sum[c] * share, y[c]);
  }
}

// The places of one picture's tokens. nearest, cosine: of each token that is no destination, the
// one among the destinations that is most like it, and how much.
void PlaceTokens(const TokenGrid& grid, absl::Span<const int32_t> destinations,
                 absl::Span<const int32_t> sources, const int32_t* nearest, const float* cosine,
                 int32_t* place) {
  std::vector<size_t> order(sources.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [cosine](size_t a, size_t b) { return cosine[a] > cosine[b]; });
  const int64_t rows = grid.height * grid.width;
  std::vector<int32_t> into(static_cast<size_t>(rows), -1);  // of tokens that are merged away
  for (size_t i = 0; i < static_cast<size_t>(grid.merged); ++i) {
    const size_t source = order[i];
    into[static_cast<size_t>(sources[source])] = destinations[static_cast<size_t>(nearest[source])];
  }
  int32_t next = 0;
  for (size_t i = 0; i < into.size(); ++i) {
    if (into[i] < 0) place[i] = next++;
  }
  for (size_t i = 0; i < into.size(); ++i) {
    if (into[i] >= 0) place[i] = place[into[i]];
  }
}

}  // namespace

TokenGrid GridOf(const TokenMerging& merging, int64_t height, int64_t width,
                 int64_t latent_pixels) {
  TokenGrid grid{.height = height, .width = width, .seed = merging.seed};
  const int64_t rows = height * width;
  const int64_t pixels = latent_pixels / rows;  // of the latent, for each token
  const double smaller = std::ceil(std::sqrt(static_cast<double>(pixels)));
  if (smaller > static_cast<double>(merging.max_downsample)) return grid;
  const int64_t sources = rows - (height / kCell) * (width / kCell);
  const auto wanted = static_cast<int64_t>(static_cast<double>(rows) * merging.ratio);
  if (sources < rows) grid.merged = std::clamp<int64_t>(wanted, 0, sources);
  return grid;
}

uint64_t AttentionSeed(uint64_t seed, int64_t index, double timestep) {
  return Mixed(Mixed(seed ^ std::bit_cast<uint64_t>(timestep)) + static_cast<uint64_t>(index));
}

std::vector<int32_t> DestinationsIn(const TokenGrid& grid) {
  std::vector<int32_t> destinations;
  for (int64_t row = 0; row < grid.height / kCell; ++row) {
    for (int64_t column = 0; column < grid.width / kCell; ++column) {
      const uint64_t cell = destinations.size();
      const auto drawn =
          static_cast<int64_t>(grid.seed.has_value() ? Mixed(*grid.seed + cell) >> 62 : 0);
      const int64_t y = row * kCell + drawn / kCell, x = column * kCell + drawn % kCell;
      destinations.push_back(static_cast<int32_t>(y * grid.width + x));
    }
  }
  std::sort(destinations.begin(), destinations.end());
  return destinations;
}

TokenPlaces MatchTokens(Ops& ops, const Tensor& x, const TokenGrid& grid) {
  if (!ops.status().ok()) return {};
  const int64_t batch = x.dim(0), rows = x.dim(1);
  if (rows != grid.height * grid.width) {
    ops.Fail(
        Invalid("token merging: ", rows, " tokens are no picture ", grid.height, "×", grid.width));
    return {};
  }
  const std::vector<int32_t> destinations = DestinationsIn(grid);
  std::vector<int32_t> sources;
  for (int32_t i = 0; i < static_cast<int32_t>(rows); ++i) {
    if (!std::binary_search(destinations.begin(), destinations.end(), i)) sources.push_back(i);
  }
  absl::StatusOr<NearestRow> found =
      ops.backend().NearestRows(x, sources, destinations, ops.allocator());
  if (!found.ok()) {
    ops.Fail(std::move(found).status());
    return {};
  }
  const NearestRow nearest = *std::move(found);
  TokenPlaces places{.kept = rows - grid.merged};
  places.place = New(ops, DType::kI32, {batch, rows});
  if (!ops.status().ok() || places.place.is_meta()) return places;
  const auto count = static_cast<int64_t>(sources.size());
  for (int64_t b = 0; b < batch; ++b) {
    PlaceTokens(grid, destinations, sources, nearest.index.data<int32_t>() + b * count,
                nearest.cosine.data<float>() + b * count,
                places.place.mutable_data<int32_t>() + b * rows);
  }
  return places;
}

Tensor MergeTokens(Ops& ops, const Tensor& x, const TokenPlaces& places) {
  if (!ops.status().ok()) return {};
  const int64_t batch = x.dim(0), rows = x.dim(1), width = x.dim(2);
  Tensor y = New(ops, x.dtype(), {batch, places.kept, width});
  if (!ops.status().ok() || y.is_meta()) return y;
  for (int64_t b = 0; b < batch; ++b) {
    const int32_t* place = places.place.data<int32_t>() + b * rows;
    const int64_t from = b * rows * width, to = b * places.kept * width;
    if (x.dtype() == DType::kBF16) {
      MergePicture(x.data<BF16>() + from, place, rows, places.kept, width,
                   y.mutable_data<BF16>() + to);
    } else {
      MergePicture(x.data<float>() + from, place, rows, places.kept, width,
                   y.mutable_data<float>() + to);
    }
  }
  return y;
}

Tensor UnmergeTokens(Ops& ops, const Tensor& x, const TokenPlaces& places) {
  if (!ops.status().ok()) return {};
  const int64_t batch = x.dim(0), rows = places.place.dim(1), width = x.dim(2);
  Tensor y = New(ops, x.dtype(), {batch, rows, width});
  if (!ops.status().ok() || y.is_meta()) return y;
  const size_t bytes = static_cast<size_t>(width) * SizeOf(x.dtype());
  const int32_t* place = places.place.data<int32_t>();
  auto* to = y.mutable_data<std::byte>();
  for (int64_t i = 0; i < batch * rows; ++i) {
    const int64_t row = i / rows * places.kept + place[i];
    std::memcpy(to + static_cast<size_t>(i) * bytes, x.raw() + static_cast<size_t>(row) * bytes,
                bytes);
  }
  return y;
}

}  // namespace weft
