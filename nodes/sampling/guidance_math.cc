#include "nodes/sampling/guidance_math.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nodes/mask/mask_math.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// A tensor like x, or empty where an error sticks or x is.
Tensor NewLike(Ops& ops, const Tensor& x) {
  if (!ops.status().ok()) return {};
  absl::StatusOr<Tensor> result = Tensor::Allocate(ops.allocator(), DType::kF32, x.shape());
  if (result.ok()) return *std::move(result);
  ops.Fail(std::move(result).status());
  return {};
}

// weight·area at place i of a plane.
float ShareAt(const Answer& answer, int64_t i) {
  const auto weight = static_cast<float>(answer.weight);
  return answer.area.empty() ? weight : weight * answer.area.data<float>()[i];
}

// The standard deviation of n values, over n - 1 as torch.std has it.
double Deviation(const float* values, int64_t n) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < n; ++i) sum += values[i];
  const double mean = sum / static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i) squares += (values[i] - mean) * (values[i] - mean);
  return std::sqrt(squares / static_cast<double>(n - 1));
}

}  // namespace

Tensor Guide(Ops& ops, const Tensor& unconditional, const Tensor& conditional, double scale) {
  Tensor result = NewLike(ops, conditional);
  if (result.empty() || result.is_meta()) return result;
  const auto s = static_cast<float>(scale);
  const float* u = unconditional.data<float>();
  const float* c = conditional.data<float>();
  float* to = result.mutable_data<float>();
  for (int64_t i = 0; i < conditional.numel(); ++i) to[i] = u[i] + s * (c[i] - u[i]);
  return result;
}

Tensor GuideByAll(Ops& ops, const Tensor& base, absl::Span<const Answer> answers, double scale) {
  if (answers.size() == 1 && answers[0].weight == 1.0 && answers[0].area.empty()) {
    return Guide(ops, base, answers[0].noise, scale);
  }
  Tensor result = NewLike(ops, base);
  if (result.empty() || result.is_meta()) return result;
  const auto s = static_cast<float>(scale);
  const int64_t plane = base.dim(2) * base.dim(3);
  const float* from = base.data<float>();
  float* to = result.mutable_data<float>();
  for (int64_t i = 0; i < base.numel(); ++i) {
    float push = 0;
    for (const Answer& answer : answers) {
      push += ShareAt(answer, i % plane) * (answer.noise.data<float>()[i] - from[i]);
    }
    to[i] = from[i] + s * push;
  }
  return result;
}

Tensor MeanOf(Ops& ops, absl::Span<const Answer> answers) {
  if (answers.size() == 1) return answers[0].noise;
  Tensor result = NewLike(ops, answers[0].noise);
  if (result.empty() || result.is_meta()) return result;
  const int64_t plane = result.dim(2) * result.dim(3);
  float* to = result.mutable_data<float>();
  for (int64_t i = 0; i < result.numel(); ++i) {
    float sum = 0, shares = 0, plain_sum = 0, weights = 0;
    for (const Answer& answer : answers) {
      const float noise = answer.noise.data<float>()[i];
      const auto weight = static_cast<float>(answer.weight);
      const float share = ShareAt(answer, i % plane);
      sum += share * noise;
      shares += share;
      plain_sum += weight * noise;
      weights += weight;
    }
    to[i] = shares != 0.0f ? sum / shares : plain_sum / weights;
  }
  return result;
}

void FitAreas(Ops& ops, std::vector<Answer>& answers) {
  if (!ops.status().ok()) return;
  std::vector<float> covered;  // Σ area, at each place
  for (Answer& answer : answers) {
    if (answer.area.empty()) continue;
    const Tensor& noise = answer.noise;
    absl::StatusOr<Tensor> fitted =
        ResizeMask(answer.area, noise.dim(2), noise.dim(3), MaskResize::kArea, ops.allocator());
    if (!fitted.ok()) return ops.Fail(fitted.status());
    answer.area = *std::move(fitted);
    if (noise.is_meta() || answer.area.is_meta()) continue;
    covered.resize(static_cast<size_t>(answer.area.numel()), 0.0f);
    for (size_t i = 0; i < covered.size(); ++i) covered[i] += answer.area.data<float>()[i];
  }
  const auto over = [](float sum) { return sum > 1.0f; };
  if (std::none_of(covered.begin(), covered.end(), over)) return;
  for (Answer& answer : answers) {
    if (answer.area.empty()) continue;
    Tensor shared = NewLike(ops, answer.area);
    if (shared.empty()) return;
    for (size_t i = 0; i < covered.size(); ++i) {
      shared.mutable_data<float>()[i] = answer.area.data<float>()[i] / std::max(covered[i], 1.0f);
    }
    answer.area = std::move(shared);
  }
}

Tensor RescaleGuided(Ops& ops, const Tensor& guided, const Tensor& conditional, double rescale) {
  Tensor result = NewLike(ops, guided);
  if (result.empty() || result.is_meta()) return result;
  const int64_t picture = guided.numel() / guided.dim(0);
  for (int64_t b = 0; b < guided.dim(0); ++b) {
    const float* from = guided.data<float>() + b * picture;
    const double deviation = Deviation(from, picture);
    // A picture without contrast has none to scale.
    const double ratio =
        deviation > 0 ? Deviation(conditional.data<float>() + b * picture, picture) / deviation
                      : 1.0;
    const auto factor = static_cast<float>(rescale * ratio + (1.0 - rescale));
    std::transform(from, from + picture, result.mutable_data<float>() + b * picture,
                   [factor](float x) { return factor * x; });
  }
  return result;
}

Tensor AddImageGuidance(Ops& ops, const Tensor& guided, const Tensor& image,
                        const Tensor& unconditional, double image_scale) {
  Tensor result = NewLike(ops, guided);
  if (result.empty() || result.is_meta()) return result;
  const auto more = static_cast<float>(image_scale - 1.0);
  const float* g = guided.data<float>();
  const float* i = image.data<float>();
  const float* u = unconditional.data<float>();
  float* to = result.mutable_data<float>();
  for (int64_t k = 0; k < guided.numel(); ++k) to[k] = g[k] + more * (i[k] - u[k]);
  return result;
}

}  // namespace weft
