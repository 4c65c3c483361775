// The most similar of other rows: a matrix product that keeps the largest value of each row and
// where it was found. The loops over threads stand outside of the code that is compiled once for
// each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/backend/cpu/kernels/nearest_rows.cc"
#include "runtime/backend/cpu/kernels/nearest_rows.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/backend/cpu/kernels/simd_math-inl.h"
#include "runtime/tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace weft {
namespace HWY_NAMESPACE {

using cpu::kNearestPanel;

// The largest products of kRows rows with the columns of one panel so far, lane by lane, and the
// panels that they came from. Rows lie `width` values apart, results kNearestPanel.
template <int kRows>
void MatchTile(const float* rows, int64_t width, const float* panel, float number, float* best,
               float* found) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  for (size_t column = 0; column < kNearestPanel; column += 2 * lanes) {
    FloatVec low[kRows], high[kRows];
    for (int r = 0; r < kRows; ++r) low[r] = high[r] = hn::Zero(d);
    const float* p = panel + column;
    for (int64_t k = 0; k < width; ++k, p += kNearestPanel) {
      const auto a = hn::LoadU(d, p);
      const auto b = hn::LoadU(d, p + lanes);
      for (int r = 0; r < kRows; ++r) {
        const auto x = hn::Set(d, rows[r * width + k]);
        low[r] = hn::MulAdd(x, a, low[r]);
        high[r] = hn::MulAdd(x, b, high[r]);
      }
    }
    const auto now = hn::Set(d, number);
    const auto keep = [&](FloatVec value, size_t at) {
      const auto before = hn::LoadU(d, best + at);
      const auto more = hn::Gt(value, before);
      hn::StoreU(hn::IfThenElse(more, value, before), d, best + at);
      hn::StoreU(hn::IfThenElse(more, now, hn::LoadU(d, found + at)), d, found + at);
    };
    for (int r = 0; r < kRows; ++r) {
      keep(low[r], static_cast<size_t>(r) * kNearestPanel + column);
      keep(high[r], static_cast<size_t>(r) * kNearestPanel + column + lanes);
    }
  }
}

void MatchRows(const float* rows, int64_t count, int64_t width, const float* panel, float number,
               float* best, float* found) {
  int64_t r = 0;
  for (; r + 6 <= count; r += 6) {
    MatchTile<6>(rows + r * width, width, panel, number, best + r * kNearestPanel,
                 found + r * kNearestPanel);
  }
  for (; r < count; ++r) {
    MatchTile<1>(rows + r * width, width, panel, number, best + r * kNearestPanel,
                 found + r * kNearestPanel);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace weft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {
HWY_EXPORT(MatchRows);

namespace cpu {
namespace {

// Row `index` of x at length 1, in f32; a row of zeros stays as it is.
void Normalised(const NearestRowsCall& call, int32_t index, float* row) {
  const auto* from = static_cast<const std::byte*>(call.x) +
                     static_cast<size_t>(index * call.width) * SizeOf(call.dtype);
  ConvertElements(from, call.dtype, row, DType::kF32, call.width);
  double squares = 0;
  for (int64_t c = 0; c < call.width; ++c) {
    squares += static_cast<double>(row[c]) * static_cast<double>(row[c]);
  }
  if (squares == 0) return;
  const auto scale = static_cast<float>(1.0 / std::sqrt(squares));
  for (int64_t c = 0; c < call.width; ++c) row[c] *= scale;
}

// The rows that are compared with, 32 to a panel: panel[k · 32 + column] is value k of a row. The
// last one is filled up with the first row, which never wins against itself.
void FillPanel(const NearestRowsCall& call, int64_t number, float* row, float* panel) {
  const auto count = static_cast<int64_t>(call.among.size());
  for (int64_t column = 0; column < kNearestPanel; ++column) {
    const int64_t i = number * kNearestPanel + column;
    Normalised(call, call.among[static_cast<size_t>(i < count ? i : 0)], row);
    for (int64_t k = 0; k < call.width; ++k) panel[k * kNearestPanel + column] = row[k];
  }
}

// The first of the largest of a row's columns. Those of the last panel that stand for no row are
// left out.
void Choose(const float* best, const float* found, int64_t count, int32_t& index, float& cosine) {
  index = -1;
  for (int64_t column = 0; column < kNearestPanel; ++column) {
    const auto place = static_cast<int64_t>(found[column]) * kNearestPanel + column;
    if (place >= count) continue;
    if (index >= 0 && (best[column] < cosine || (best[column] == cosine && place > index))) {
      continue;
    }
    index = static_cast<int32_t>(place);
    cosine = best[column];
  }
}

}  // namespace

void NearestRows(const NearestRowsCall& call) {
  const auto match = HWY_DYNAMIC_DISPATCH(MatchRows);
  const auto count = static_cast<int64_t>(call.among.size());
  const auto wanted = static_cast<int64_t>(call.from.size());
  const int64_t panels = (count + kNearestPanel - 1) / kNearestPanel;
  const int64_t tasks = (wanted + kNearestTask - 1) / kNearestTask;
  const auto workspace = [&] {
    return call.workspace + omp_get_thread_num() * NearestRowsWorkspace(call.width);
  };
#pragma omp parallel for schedule(static) num_threads(call.threads)
  for (int64_t p = 0; p < panels; ++p) {
    FillPanel(call, p, workspace(), call.panels + p * kNearestPanel * call.width);
  }
#pragma omp parallel for schedule(static) num_threads(call.threads)
  for (int64_t t = 0; t < tasks; ++t) {
    const int64_t first = t * kNearestTask;
    const int64_t rows = std::min(kNearestTask, wanted - first);
    float* values = workspace();
    float* best = values + kNearestTask * call.width;
    float* found = best + kNearestTask * kNearestPanel;
    for (int64_t r = 0; r < rows; ++r) {
      Normalised(call, call.from[static_cast<size_t>(first + r)], values + r * call.width);
    }
    std::fill_n(best, rows * kNearestPanel, -std::numeric_limits<float>::infinity());
    std::fill_n(found, rows * kNearestPanel, 0.0f);
    for (int64_t p = 0; p < panels; ++p) {
      match(values, rows, call.width, call.panels + p * kNearestPanel * call.width,
            static_cast<float>(p), best, found);
    }
    for (int64_t r = 0; r < rows; ++r) {
      Choose(best + r * kNearestPanel, found + r * kNearestPanel, count, call.index[first + r],
             call.cosine[first + r]);
    }
  }
}

}  // namespace cpu
}  // namespace weft
#endif  // HWY_ONCE
