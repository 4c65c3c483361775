#ifndef WEFT_TESTS_RUNTIME_BACKEND_REFERENCE_H_
#define WEFT_TESTS_RUNTIME_BACKEND_REFERENCE_H_

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/backend/backend.h"

// The backend's operations by their definitions, in double and plain loops, and how to compare.
namespace weft::reference {

using Values = std::vector<double>;

inline Tensor Random(const Shape& shape, DType dtype, unsigned seed, double scale = 1.0,
                     double offset = 0.0) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  for (float& value : values) value = static_cast<float>(normal(engine) * scale + offset);
  const Tensor f32 = *Tensor::Of<float>(shape, values);
  return *f32.To(dtype, Allocator(Device::kCpu));
}

inline Values Of(const Tensor& tensor) {
  const Tensor f32 = *tensor.To(DType::kF32, Allocator(Device::kCpu));
  const auto span = f32.span<float>();
  return Values(span.begin(), span.end());
}

// Within `tolerance` of the largest expected value; NaN is never near anything.
inline testing::AssertionResult Near(const Tensor& actual, const Shape& shape,
                                     const Values& expected, double tolerance) {
  if (!(actual.shape() == shape)) {
    return testing::AssertionFailure()
           << "shape " << actual.shape().ToString() << ", expected " << shape.ToString();
  }
  const Values values = Of(actual);
  double range = 0;
  for (const double value : expected) range = std::max(range, std::abs(value));
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!(std::abs(values[i] - expected[i]) <= tolerance * range)) {
      return testing::AssertionFailure() << "element " << i << " is " << values[i] << ", expected "
                                         << expected[i] << " of up to " << range;
    }
  }
  return testing::AssertionSuccess();
}

// Of the largest value: rounding of sums, and for bf16 the rounding of the result.
inline double Tolerance(DType dtype) { return dtype == DType::kBF16 ? 8e-3 : 1e-5; }

inline double Activated(double x, Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kGelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Activation::kGeluTanh:
      return 0.5 * x *
             (1 + std::tanh(std::sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
    case Activation::kQuickGelu:
      return x / (1 + std::exp(-1.702 * x));
    case Activation::kRelu:
      return x > 0 ? x : 0;
    case Activation::kNone:
      return x;
  }
  return x;
}

// [pixels…, a] and [pixels…, b] side by side.
inline Values Joined(const std::vector<Tensor>& sources) {
  int64_t channels = 0;
  for (const Tensor& source : sources) channels += source.dim(-1);
  const int64_t pixels = sources[0].numel() / sources[0].dim(-1);
  Values joined(static_cast<size_t>(pixels * channels));
  int64_t first = 0;
  for (const Tensor& source : sources) {
    const Values values = Of(source);
    const int64_t n = source.dim(-1);
    for (int64_t i = 0; i < pixels * n; ++i) {
      joined[static_cast<size_t>(i / n * channels + first + i % n)] =
          values[static_cast<size_t>(i)];
    }
    first += n;
  }
  return joined;
}

// activation(x·w + bias + per_channel) + residual; x NHWC, w OIHW.
inline Values Conv2d(const ConvSpec& spec, const std::vector<Tensor>& sources, const Tensor& weight,
                     const Tensor& bias, const Epilogue& epilogue, int64_t out_h, int64_t out_w) {
  const int64_t batch = sources[0].dim(0), h = sources[0].dim(1), w = sources[0].dim(2);
  const int64_t in = spec.in_channels, out = spec.out_channels, k = spec.kernel;
  const int64_t factor = spec.upsample ? 2 : 1;
  const Values x = Joined(sources), f = Of(weight);
  const Values b = bias.empty() ? Values(static_cast<size_t>(out)) : Of(bias);
  const Values extra = epilogue.per_channel.empty() ? Values(static_cast<size_t>(batch * out))
                                                    : Of(epilogue.per_channel);
  const Values residual = epilogue.residual.empty()
                              ? Values(static_cast<size_t>(batch * out_h * out_w * out))
                              : Of(epilogue.residual);
  Values y;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t i = 0; i < out_h; ++i) {
      for (int64_t j = 0; j < out_w; ++j) {
        for (int64_t o = 0; o < out; ++o) {
          double sum = b[static_cast<size_t>(o)] + extra[static_cast<size_t>(n * out + o)];
          for (int64_t p = 0; p < k; ++p) {
            for (int64_t q = 0; q < k; ++q) {
              const int64_t row = i * spec.stride + p - spec.pad_begin;
              const int64_t column = j * spec.stride + q - spec.pad_begin;
              if (row < 0 || row >= h * factor || column < 0 || column >= w * factor) continue;
              const int64_t pixel = (n * h + row / factor) * w + column / factor;
              for (int64_t c = 0; c < in; ++c) {
                sum += x[static_cast<size_t>(pixel * in + c)] *
                       f[static_cast<size_t>(((o * in + c) * k + p) * k + q)];
              }
            }
          }
          y.push_back(Activated(sum, epilogue.activation) + residual[y.size()]);
        }
      }
    }
  }
  return y;
}

inline Values Linear(const Tensor& input, const Tensor& weight, const Tensor& bias,
                     const Epilogue& epilogue, bool gated) {
  const int64_t in = weight.dim(1), rows = input.numel() / in;
  const int64_t all = weight.dim(0), out = gated ? all / 2 : all;
  const Values x = Of(input), w = Of(weight);
  const Values b = bias.empty() ? Values(static_cast<size_t>(all)) : Of(bias);
  const Values residual =
      epilogue.residual.empty() ? Values(static_cast<size_t>(rows * out)) : Of(epilogue.residual);
  const Values extra =
      epilogue.per_channel.empty() ? Values(static_cast<size_t>(all)) : Of(epilogue.per_channel);
  const int64_t batches = static_cast<int64_t>(extra.size()) / all;
  const Values addend =
      epilogue.addend.empty() ? Values(static_cast<size_t>(rows * all)) : Of(epilogue.addend);
  const auto product = [&](int64_t r, int64_t o) {
    double sum = b[static_cast<size_t>(o)] +
                 extra[static_cast<size_t>(r / (rows / batches) * all + o)] +
                 addend[static_cast<size_t>(r * all + o)];
    for (int64_t c = 0; c < in; ++c) {
      sum += x[static_cast<size_t>(r * in + c)] * w[static_cast<size_t>(o * in + c)];
    }
    return sum;
  };
  Values y;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t o = 0; o < out; ++o) {
      const double value = gated
                               ? product(r, o) * Activated(product(r, out + o), epilogue.activation)
                               : Activated(product(r, o), epilogue.activation);
      y.push_back(value + residual[y.size()]);
    }
  }
  return y;
}

inline Values GroupNorm(const std::vector<Tensor>& sources, const Tensor& gamma, const Tensor& beta,
                        int64_t groups, double eps, Activation activation) {
  const Values x = Joined(sources);
  const int64_t batch = sources[0].dim(0);
  int64_t channels = 0;
  for (const Tensor& source : sources) channels += source.dim(-1);
  const int64_t pixels = static_cast<int64_t>(x.size()) / batch / channels;
  const int64_t size = channels / groups;
  const Values scale = Of(gamma), shift = Of(beta);
  Values y(x.size());
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t g = 0; g < groups; ++g) {
      const auto each = [&](auto visit) {
        for (int64_t p = 0; p < pixels; ++p) {
          for (int64_t c = g * size; c < (g + 1) * size; ++c) {
            visit(static_cast<size_t>((b * pixels + p) * channels + c), static_cast<size_t>(c));
          }
        }
      };
      const double count = static_cast<double>(pixels * size);
      double mean = 0, variance = 0;
      each([&](size_t i, size_t) { mean += x[i] / count; });
      each([&](size_t i, size_t) { variance += (x[i] - mean) * (x[i] - mean) / count; });
      each([&](size_t i, size_t c) {
        y[i] =
            Activated((x[i] - mean) / std::sqrt(variance + eps) * scale[c] + shift[c], activation);
      });
    }
  }
  return y;
}

inline Values Attention(const Columns& q, const Columns& k, const Columns& v,
                        const AttentionSpec& spec) {
  const Values qs = Of(q.tensor), ks = Of(k.tensor), vs = Of(v.tensor);
  const int64_t batch = q.tensor.dim(0), rows = q.tensor.dim(1), keys = k.tensor.dim(1);
  const int64_t d = q.count / spec.heads, e = v.count / spec.heads;
  Values y(static_cast<size_t>(batch * rows * v.count));
  std::vector<double> scores(static_cast<size_t>(keys));
  const auto at = [](const Values& values, const Columns& c, int64_t b, int64_t row,
                     int64_t column) {
    return values[static_cast<size_t>((b * c.tensor.dim(1) + row) * c.tensor.dim(2) + c.first +
                                      column)];
  };
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t h = 0; h < spec.heads; ++h) {
      for (int64_t i = 0; i < rows; ++i) {
        const int64_t seen = spec.causal ? std::min(keys, i + 1) : keys;
        double top = -1e300, total = 0;
        for (int64_t j = 0; j < seen; ++j) {
          double dot = 0;
          for (int64_t c = 0; c < d; ++c) {
            dot += at(qs, q, b, i, h * d + c) * at(ks, k, b, j, h * d + c);
          }
          scores[static_cast<size_t>(j)] = dot * static_cast<double>(spec.scale);
          top = std::max(top, scores[static_cast<size_t>(j)]);
        }
        for (int64_t j = 0; j < seen; ++j) {
          double& score = scores[static_cast<size_t>(j)];
          score = std::exp(score - top);
          total += score;
        }
        for (int64_t c = 0; c < e; ++c) {
          double sum = 0;
          for (int64_t j = 0; j < seen; ++j) {
            sum += scores[static_cast<size_t>(j)] / total * at(vs, v, b, j, h * e + c);
          }
          y[static_cast<size_t>((b * rows + i) * v.count + h * e + c)] = sum;
        }
      }
    }
  }
  return y;
}

}  // namespace weft::reference

#endif  // WEFT_TESTS_RUNTIME_BACKEND_REFERENCE_H_
