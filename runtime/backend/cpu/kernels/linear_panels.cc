#include "runtime/backend/cpu/kernels/linear_panels.h"

#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <numeric>

#include "hwy/base.h"
#include "runtime/backend/cpu/kernels/dot_products.h"
#include "runtime/backend/footprint.h"

namespace weft::cpu {
namespace {

constexpr int64_t kWeightRows = 64;  // in a panel
// Rows that a thread takes through panels: many, so that weights are seldom read again.
constexpr int64_t kRowsAtATime = 512;
// Panels for each thread, and rows for each thread, that can be shared out evenly.
constexpr int64_t kManyPanels = 4;
constexpr int64_t kManyRows = 48;

// Columns of the result in a panel.
constexpr int64_t Columns(bool gated) { return gated ? kWeightRows / 2 : kWeightRows; }

// Inputs that lie together.
constexpr int64_t GroupOf(DType input) { return input == DType::kU8 ? 4 : 2; }

constexpr int64_t Parts(int64_t whole, int64_t part) { return (whole + part - 1) / part; }

}  // namespace

bool HasLinearPanels(DType input, int64_t in) {
  if (in % GroupOf(input) != 0) return false;
  if (input == DType::kBF16) return HasBF16Dot() && !HasTiles();
  return input == DType::kU8 && HasInt8Dot();
}

int64_t LinearPanelsSize(int64_t out, int64_t in, bool gated) {
  return Parts(out, Columns(gated)) * kWeightRows * in;
}

WeightPlaces LinearPanelsPlaces(DType input, int64_t out, int64_t in, bool gated) {
  const int64_t group = GroupOf(input);
  const int64_t columns = Columns(gated);
  WeightPlaces places;
  for (int64_t half = 0; half < (gated ? 2 : 1); ++half) {
    for (int64_t o = 0; o < out; ++o) {
      places.out.push_back(o / columns * kWeightRows * in + (half * columns + o % columns) * group);
    }
  }
  for (int64_t i = 0; i < in; ++i) {
    places.in.push_back(i / group * group * kWeightRows + i % group);
  }
  places.tap = {0};
  places.size = LinearPanelsSize(out, in, gated);
  return places;
}

}  // namespace weft::cpu

HWY_PUSH_ATTRIBUTES(
    "avx,avx2,fma,f16c,avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,avx512vnni,prfchw")
namespace weft::cpu {
namespace {

#include "runtime/backend/cpu/kernels/avx512_bf16-inl.h"
// What follows stands on the former.
#include "runtime/backend/cpu/kernels/avx512_activation-inl.h"
#include "runtime/backend/cpu/kernels/avx512_dot_tile-inl.h"

static_assert(kWeightRows == kPanel);

// … and four codes, unsigned ones of the input and signed ones of the weight.
struct CodeFours {
  static constexpr int64_t kGroup = 4;
  using Sum = __m512i;
  static Sum Zero() { return _mm512_setzero_si512(); }
  static Sum Dot(Sum sum, __m512i a, __m512i b) {
    // _mm512_dpbusd_epi32, of whose sums GCC 12 keeps copies in memory: half as fast.
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
  }
  static __m512 Floats(Sum sum) { return _mm512_cvtepi32_ps(sum); }
};

inline __m512 Load(const BF16* values, __mmask16 lanes) {
  return Widened(_mm256_maskz_loadu_epi16(lanes, values));
}
inline __m512 Load(const float* values, __mmask16 lanes) {
  return _mm512_maskz_loadu_ps(lanes, values);
}

// Stores under a mask are slow.
inline void Store(__m512 y, __mmask16 lanes, BF16* target) {
  const __m256i values = Narrowed(y);
  if (lanes == 0xffff) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(target), values);
  } else {
    _mm256_mask_storeu_epi16(target, lanes, values);
  }
}
inline void Store(__m512 y, __mmask16 lanes, float* target) {
  _mm512_mask_storeu_ps(target, lanes, y);
}

// As codes, rounded as QuantizeRow does.
inline void StoreCodes(__m512 y, __mmask16 lanes, const CodeMaker& maker, int64_t at,
                       uint8_t* target) {
  const __m512 code = _mm512_fmadd_ps(y, Load(maker.inverse.data() + at, lanes),
                                      Load(maker.zero.data() + at, lanes));
  const __m512i whole = _mm512_cvtps_epi32(_mm512_max_ps(code, _mm512_setzero_ps()));
  _mm512_mask_cvtusepi32_storeu_epi8(target + at, lanes, whole);
}

// Where the vectors of a panel lie in a row of the product, and the lanes they have there.
struct Places {
  int64_t at[kVectors];
  __mmask16 lanes[kVectors];

  Places(const LinearTask& task, int64_t panel) {
    const int64_t columns = Columns(task.gated);
    for (int64_t v = 0; v < kVectors; ++v) {
      const int64_t column = panel * columns + 16 * v % columns;
      at[v] = 16 * v / columns * task.out + column;
      lanes[v] = FirstLanes(std::clamp<int64_t>(task.out - column, 0, 16));
    }
  }
};

// From the sums of a tile to its results, which are `Value`s.
template <typename Value, Activation kActivation>
void Finish(const LinearTask& task, int64_t first_row, int64_t rows, const Places& places,
            const float* sums) {
  const int64_t width = task.gated ? 2 * task.out : task.out;  // of the product
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t row = first_row + r;
    __m512 y[kVectors];
    for (int v = 0; v < kVectors; ++v) y[v] = _mm512_load_ps(sums + r * kPanel + 16 * v);
    if (task.scales != nullptr) {
      for (int v = 0; v < kVectors; ++v) {
        y[v] = _mm512_mul_ps(y[v], Load(task.scales + places.at[v], places.lanes[v]));
      }
    }
    if (task.bias != nullptr) {
      for (int v = 0; v < kVectors; ++v) {
        y[v] = _mm512_add_ps(y[v], Load(task.bias + places.at[v], places.lanes[v]));
      }
    }
    const auto add = [&](const void* values, int64_t begin, int vectors) {
      for (int v = 0; v < vectors; ++v) {
        const Value* from = static_cast<const Value*>(values) + begin + places.at[v];
        y[v] = _mm512_add_ps(y[v], Load(from, places.lanes[v]));
      }
    };
    if (task.per_channel != nullptr) add(task.per_channel, row / task.batch_rows * width, kVectors);
    if (task.addend != nullptr) add(task.addend, row * width, kVectors);
    const auto finish = [&](int vectors) {
      if (task.residual != nullptr) add(task.residual, row * task.out, vectors);
      if (task.codes != nullptr) {
        uint8_t* codes = static_cast<uint8_t*>(task.output) + row * task.out;
        for (int v = 0; v < vectors; ++v) {
          StoreCodes(y[v], places.lanes[v], *task.codes, places.at[v], codes);
        }
        return;
      }
      Value* target = static_cast<Value*>(task.output) + row * task.out;
      for (int v = 0; v < vectors; ++v) Store(y[v], places.lanes[v], target + places.at[v]);
    };
    if (task.gated) {
      for (int v = 0; v < kVectors / 2; ++v) {
        y[v] = _mm512_mul_ps(y[v], Activated<kActivation>(y[v + kVectors / 2]));
      }
      finish(kVectors / 2);
    } else {
      for (auto& each : y) each = Activated<kActivation>(each);
      finish(kVectors);
    }
  }
}

// Asks for the cache lines of a tile's results, which else its stores would wait for: 10% of the
// time where `in` is 320. (GCC drops a call that does nothing else.)
template <typename Value>
inline __attribute__((always_inline)) void Prefetch(const LinearTask& task, int64_t first_row,
                                                    int64_t rows, int64_t panel) {
  const int64_t columns = Columns(task.gated);
  const int64_t told = task.codes != nullptr ? 1 : static_cast<int64_t>(sizeof(Value));
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t at = (first_row + r) * task.out + panel * columns;
    for (int64_t c = 0; c < columns; c += 64 / static_cast<int64_t>(sizeof(Value))) {
      __builtin_prefetch(static_cast<std::byte*>(task.output) + (at + c) * told, 1);
      if (task.residual != nullptr) {
        __builtin_prefetch(static_cast<const Value*>(task.residual) + at + c, 0);
      }
    }
  }
}

// Some rows against some panels.
struct Block {
  int64_t first_row, last_row;  // without the last
  int64_t first_panel, last_panel;
};

template <typename Groups, typename Value, Activation kActivation>
void RunBlock(const LinearTask& task, const Block& block) {
  const int64_t groups = task.in / Groups::kGroup;
  alignas(64) float sums[kTileRows * kPanel];
  for (int64_t panel = block.first_panel; panel < block.last_panel; ++panel) {
    const Places places(task, panel);
    for (int64_t row = block.first_row; row < block.last_row; row += kTileRows) {
      const int64_t rows = std::min(kTileRows, block.last_row - row);
      Prefetch<Value>(task, row, rows, panel);
      DotTile<Groups>(rows, static_cast<const Pair*>(task.x) + row * groups, groups,
                      static_cast<const Pair*>(task.weights) + panel * kPanel * groups, sums);
      Finish<Value, kActivation>(task, row, rows, places, sums);
    }
  }
}

template <typename Groups, typename Value>
void RunBlockOf(const LinearTask& task, const Block& block) {
  switch (task.activation) {
    case Activation::kNone:
      return RunBlock<Groups, Value, Activation::kNone>(task, block);
    case Activation::kSilu:
      return RunBlock<Groups, Value, Activation::kSilu>(task, block);
    case Activation::kGelu:
      return RunBlock<Groups, Value, Activation::kGelu>(task, block);
    case Activation::kGeluTanh:
      return RunBlock<Groups, Value, Activation::kGeluTanh>(task, block);
    case Activation::kQuickGelu:
      return RunBlock<Groups, Value, Activation::kQuickGelu>(task, block);
    case Activation::kRelu:
      return RunBlock<Groups, Value, Activation::kRelu>(task, block);
  }
}

void RunBlockFor(const LinearTask& task, const Block& block) {
  if (task.input == DType::kBF16) return RunBlockOf<BF16Pairs, BF16>(task, block);
  if (task.compute == DType::kBF16) return RunBlockOf<CodeFours, BF16>(task, block);
  return RunBlockOf<CodeFours, float>(task, block);
}

}  // namespace
}  // namespace weft::cpu
HWY_POP_ATTRIBUTES

namespace weft::cpu {

void RunLinearPanels(const LinearTask& task) {
  const int64_t threads = omp_get_max_threads();
  const int64_t panels = Parts(task.out, Columns(task.gated));
  // As many blocks for one thread as for another. Threads that share the panels out each read their
  // part of the weights.
  int64_t row_blocks = Parts(task.rows, kRowsAtATime);
  int64_t panel_blocks = threads / std::gcd(row_blocks, threads);
  if (panels < kManyPanels * panel_blocks && task.rows >= kManyRows * threads) {
    row_blocks = RoundUp(row_blocks, threads);
    panel_blocks = 1;
  }
  panel_blocks = std::min(panel_blocks, panels);
  const int64_t step = RoundUp(Parts(task.rows, row_blocks), kTileRows);
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (int64_t first = 0; first < task.rows; first += step) {
    for (int64_t p = 0; p < panel_blocks; ++p) {
      RunBlockFor(task, {first, std::min(task.rows, first + step), panels * p / panel_blocks,
                         panels * (p + 1) / panel_blocks});
    }
  }
}

}  // namespace weft::cpu
