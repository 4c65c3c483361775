#include "nodes/models/vae_preview.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/base/rng.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr int64_t kSide = 16;  // of the latent that is decoded for the fit
constexpr int64_t kPatch = 4;  // of its flat patches: pictures are smooth
constexpr double kRidge = 1e-3;

// Flat patches with a little noise on them, about as strong as latents are: [1, c, side, side].
absl::StatusOr<Tensor> Patches(const Allocator& allocator, int64_t channels) {
  WEFT_ASSIGN_OR_RETURN(Tensor latent,
                        Tensor::Allocate(allocator, DType::kF32, {1, channels, kSide, kSide}));
  if (latent.is_meta()) return latent;
  constexpr int64_t kPatches = kSide / kPatch;
  std::vector<float> flat(static_cast<size_t>(channels * kPatches * kPatches));
  Rng rng(0);
  rng.Normal(absl::MakeSpan(flat));
  float* to = latent.mutable_data<float>();
  rng.Normal(absl::Span<float>(to, static_cast<size_t>(latent.numel())));
  for (int64_t i = 0; i < latent.numel(); ++i) {
    const int64_t channel = i / (kSide * kSide);
    const int64_t row = i / kSide % kSide / kPatch;
    const int64_t column = i % kSide / kPatch;
    to[i] =
        flat[static_cast<size_t>((channel * kPatches + row) * kPatches + column)] + 0.2f * to[i];
  }
  return latent;
}

// The mean colour that one latent pixel became.
double Mean(const Tensor& image, int64_t scale, int64_t row, int64_t column, int64_t colour) {
  const int64_t width = image.dim(2);
  const int64_t colours = image.dim(3);
  double sum = 0;
  for (int64_t y = row * scale; y < (row + 1) * scale; ++y) {
    for (int64_t x = column * scale; x < (column + 1) * scale; ++x) {
      sum += std::clamp(image.data<float>()[(y * width + x) * colours + colour], -1.0f, 1.0f);
    }
  }
  return sum / static_cast<double>(scale * scale);
}

// Bilinear, with the centres of pixels in place: what lies at `to` of a side scaled up.
struct Between {
  Between(int64_t to, int64_t scale, int64_t side) {
    const double at = (static_cast<double>(to) + 0.5) / static_cast<double>(scale) - 0.5;
    const double floor = std::floor(at);
    share = static_cast<float>(at - floor);
    first = std::clamp<int64_t>(static_cast<int64_t>(floor), 0, side - 1);
    second = std::clamp<int64_t>(static_cast<int64_t>(floor) + 1, 0, side - 1);
  }
  int64_t first, second;
  float share;  // of the second
};

}  // namespace

std::vector<double> SolvePositive(std::vector<double> a, std::vector<double> y) {
  const size_t n = y.size();
  for (size_t j = 0; j < n; ++j) {  // a's lower half becomes L, with A = L·Lᵀ
    for (size_t i = j; i < n; ++i) {
      double sum = a[i * n + j];
      for (size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = i == j ? std::sqrt(std::max(sum, 1e-300)) : sum / a[j * n + j];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) y[i] -= a[i * n + k] * y[k];
    y[i] /= a[i * n + i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) y[i] -= a[k * n + i] * y[k];
    y[i] /= a[i * n + i];
  }
  return y;
}

absl::StatusOr<VaePreview::Factors> VaePreview::Fit(Ops& ops, const VaeNetwork& vae) const {
  const VaeConfig& config = vae.config();
  WEFT_ASSIGN_OR_RETURN(const Tensor latent, Patches(ops.allocator(), config.latent_channels));
  WEFT_ASSIGN_OR_RETURN(const Tensor image, ops.Finish(vae.Decode(ops, vae.Unscaled(ops, latent))));
  const auto terms = static_cast<size_t>(config.latent_channels + 1);
  const auto colours = static_cast<size_t>(config.out_channels);
  if (ops.is_meta()) return Factors(colours * terms);

  std::vector<double> squares(terms * terms);
  std::vector<double> products(colours * terms);
  std::vector<double> x(terms, 1.0);
  for (int64_t i = 0; i < kSide * kSide; ++i) {
    for (size_t c = 0; c + 1 < terms; ++c) {
      x[c] = latent.data<float>()[static_cast<int64_t>(c) * kSide * kSide + i];
    }
    for (size_t r = 0; r < terms; ++r) {
      for (size_t c = 0; c < terms; ++c) squares[r * terms + c] += x[r] * x[c];
    }
    for (size_t k = 0; k < colours; ++k) {
      const double mean =
          Mean(image, config.scale(), i / kSide, i % kSide, static_cast<int64_t>(k));
      for (size_t c = 0; c < terms; ++c) products[k * terms + c] += x[c] * mean;
    }
  }
  for (size_t r = 0; r < terms; ++r) squares[r * terms + r] += kRidge * kSide * kSide;
  Factors factors;
  for (size_t k = 0; k < colours; ++k) {
    const auto begin = products.begin() + static_cast<std::ptrdiff_t>(k * terms);
    for (const double factor : SolvePositive(
             squares, std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(terms)))) {
      factors.push_back(static_cast<float>(factor));
    }
  }
  return factors;
}

absl::StatusOr<Tensor> VaePreview::Draw(Ops& ops, const VaeNetwork& vae,
                                        const Tensor& latent) const {
  Factors factors;
  {
    const absl::MutexLock lock(&mutex_);
    if (ops.is_meta() || factors_.empty()) {
      WEFT_ASSIGN_OR_RETURN(factors, Fit(ops, vae));
      if (!ops.is_meta()) factors_ = factors;
    } else {
      factors = factors_;
    }
  }
  const int64_t scale = vae.config().scale();
  const int64_t channels = latent.dim(1);
  const int64_t rows = latent.dim(2);
  const int64_t columns = latent.dim(3);
  const int64_t colours = vae.config().out_channels;
  WEFT_ASSIGN_OR_RETURN(Tensor small, Tensor::Allocate(ops.allocator(), DType::kF32,
                                                       {latent.dim(0), rows, columns, colours}));
  WEFT_ASSIGN_OR_RETURN(Tensor image,
                        Tensor::Allocate(ops.allocator(), DType::kU8,
                                         {latent.dim(0), rows * scale, columns * scale, colours}));
  if (image.is_meta()) return image;

  float* to = small.mutable_data<float>();
  for (int64_t b = 0; b < latent.dim(0); ++b) {
    for (int64_t i = 0; i < rows * columns; ++i) {
      for (int64_t k = 0; k < colours; ++k) {
        const float* row = &factors[static_cast<size_t>(k * (channels + 1))];
        float sum = row[channels];
        for (int64_t c = 0; c < channels; ++c) {
          sum += row[c] * latent.data<float>()[(b * channels + c) * rows * columns + i];
        }
        *to++ = std::min(1.0f, std::max(0.0f, sum * 0.5f + 0.5f)) * 255.0f;
      }
    }
  }
  uint8_t* pixel = image.mutable_data<uint8_t>();
  for (int64_t b = 0; b < latent.dim(0); ++b) {
    const float* from = small.data<float>() + b * rows * columns * colours;
    for (int64_t y = 0; y < rows * scale; ++y) {
      const Between v(y, scale, rows);
      for (int64_t x = 0; x < columns * scale; ++x) {
        const Between h(x, scale, columns);
        for (int64_t k = 0; k < colours; ++k) {
          const auto at = [&](int64_t r, int64_t c) {
            return from[(r * columns + c) * colours + k];
          };
          const float top = at(v.first, h.first) * (1 - h.share) + at(v.first, h.second) * h.share;
          const float low =
              at(v.second, h.first) * (1 - h.share) + at(v.second, h.second) * h.share;
          *pixel++ = static_cast<uint8_t>(std::lround(top * (1 - v.share) + low * v.share));
        }
      }
    }
  }
  return image;
}

}  // namespace weft
