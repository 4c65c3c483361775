#include "nodes/layers/resample.h"

#include <vector>

namespace weft {

Downsample::Downsample(const Scope& scope, int64_t channels, int64_t padding)
    : conv(scope, ConvSpec{.in_channels = channels,
                           .out_channels = channels,
                           .kernel = 3,
                           .stride = 2,
                           .pad_begin = padding,
                           .pad_end = 1}) {}

Upsample::Upsample(const Scope& scope, int64_t channels)
    : doubling(scope,
               ConvSpec{.in_channels = channels, .out_channels = channels, .upsample = true}),
      plain(scope, channels, channels) {}

Tensor Upsample::operator()(Ops& ops, Tensor x, int64_t height, int64_t width) const {
  if (!ops.status().ok()) return {};
  if (height == 2 * x.dim(1) && width == 2 * x.dim(2)) return (*this)(ops, std::move(x));
  return plain(ops, ResizeNearest(ops, x, height, width));
}

Tensor ResizeNearest(Ops& ops, const Tensor& x, int64_t height, int64_t width) {
  if (!ops.status().ok()) return {};
  const int64_t rows = x.dim(1);
  const int64_t columns = x.dim(2);
  const int64_t channels = x.dim(3);
  const Tensor pixels = ops.Reshape(x, {x.dim(0) * rows * columns, channels});
  std::vector<Tensor> picked;
  picked.reserve(static_cast<size_t>(x.dim(0) * height * width));
  for (int64_t b = 0; b < x.dim(0); ++b) {
    for (int64_t i = 0; i < height; ++i) {
      for (int64_t j = 0; j < width; ++j) {
        const int64_t from = (b * rows + i * rows / height) * columns + j * columns / width;
        picked.push_back(ops.Rows(pixels, from, from + 1));
      }
    }
  }
  return ops.Reshape(ops.Stack(picked), {x.dim(0), height, width, channels});
}

}  // namespace weft
