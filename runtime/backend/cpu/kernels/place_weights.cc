// Elements of weights on their way into blocked layouts: by lines of 16 rows where these lie next
// to each other, as everywhere where products are by vectors, else one by one.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/backend/cpu/kernels/place_weights.cc"
#include "runtime/backend/cpu/kernels/place_weights.h"

#include <algorithm>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "runtime/backend/cpu/kernels/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft {
namespace HWY_NAMESPACE {

// Whether rows follow each other, `group` elements apart, vector by vector.
bool RowsAreVectors(const int64_t* out, int64_t group) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Words()));
  for (int64_t r = 0; r < cpu::kTransposedRows; ++r) {
    if (out[r] != out[r / lanes * lanes] + r % lanes * group) return false;
  }
  return true;
}

// The words of a place: kGroup channels `channel` elements apart, of which the first is the element
// `at` of each row, and of which `count` are there. lines [word of a row][row].
template <int kGroup>
HWY_INLINE WordVec Gather(Words d, const uint32_t* lines, int64_t at, int64_t channel,
                          int64_t count) {
  if (kGroup == 1 || (channel == 1 && count == kGroup && at % kGroup == 0)) {
    return hn::Load(d, lines + at / kGroup * cpu::kTransposedRows);
  }
  constexpr int kBits = 32 / kGroup;
  const auto element = hn::Set(d, ~0u >> (32 - kBits));
  auto gathered = hn::Zero(d);
  for (int i = 0; i < kGroup; ++i) {
    if (i >= count) break;
    const int64_t from = at + i * channel;
    const auto word = hn::Load(d, lines + from / kGroup * cpu::kTransposedRows);
    const auto part =
        hn::And(hn::ShiftRightSame(word, static_cast<int>(from % kGroup) * kBits), element);
    gathered = hn::Or(gathered, hn::ShiftLeftSame(part, i * kBits));
  }
  return gathered;
}

template <int kGroup>
void PlaceLines(const cpu::WeightWindow& window, const uint32_t* lines,
                const cpu::WeightPlaces& places, std::byte* target) {
  constexpr int64_t kBytes = 4 / kGroup;
  const Words d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t* out = &places.out[static_cast<size_t>(window.first_row)];
  const int64_t* in = &places.in[static_cast<size_t>(window.first_channel)];
  for (int64_t c = 0; c < window.channels; c += kGroup) {
    const int64_t count = std::min<int64_t>(kGroup, window.channels - c);
    for (int64_t tap = 0; tap < window.taps; ++tap) {
      std::byte* to = target + (in[c] + places.tap[static_cast<size_t>(tap)]) * kBytes;
      const int64_t at = c * window.channel + tap * window.tap;
      for (int64_t r = 0; r < cpu::kTransposedRows; r += lanes) {
        hn::StoreU(Gather<kGroup>(d, lines + r, at, window.channel, count), d,
                   reinterpret_cast<uint32_t*>(to + out[r] * kBytes));
      }
    }
  }
}

// False where the rows' places don't allow it.
bool PlaceByLines(const cpu::WeightWindow& window, size_t element_bytes, const std::byte* elements,
                  const cpu::WeightPlaces& places, uint32_t* lines, std::byte* target) {
  const auto bytes = static_cast<int64_t>(element_bytes);
  if (!RowsAreVectors(&places.out[static_cast<size_t>(window.first_row)], 4 / bytes)) return false;
  Transpose(elements, window.row * bytes, (window.row * bytes + 3) / 4, lines,
            cpu::kTransposedRows);
  switch (bytes) {
    case 1:
      PlaceLines<4>(window, lines, places, target);
      break;
    case 2:
      PlaceLines<2>(window, lines, places, target);
      break;
    default:
      PlaceLines<1>(window, lines, places, target);
  }
  return true;
}

}  // namespace HWY_NAMESPACE
}  // namespace weft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft {
HWY_EXPORT(PlaceByLines);

namespace cpu {
namespace {

bool FillWords(const WeightPlaces& places, size_t group) {
  for (size_t c = 0; c < places.in.size(); ++c) {
    if (places.in[c] != places.in[c / group * group] + static_cast<int64_t>(c % group)) {
      return false;
    }
  }
  return true;
}

template <typename Element>
void PlaceOneByOne(const WeightWindow& window, const Element* from, const WeightPlaces& places,
                   Element* target) {
  const int64_t* out = &places.out[static_cast<size_t>(window.first_row)];
  for (int64_t c = 0; c < window.channels; ++c) {
    for (int64_t tap = 0; tap < window.taps; ++tap) {
      Element* to = target + places.in[static_cast<size_t>(window.first_channel + c)] +
                    places.tap[static_cast<size_t>(tap)];
      const Element* source = from + c * window.channel + tap * window.tap;
      for (int64_t r = 0; r < window.rows; ++r) to[out[r]] = source[r * window.row];
    }
  }
}

}  // namespace

WeightPlacer::WeightPlacer(const WeightPlaces& places, size_t element_bytes, void* target)
    : places_(places),
      element_bytes_(element_bytes),
      words_(FillWords(places, sizeof(uint32_t) / element_bytes)),
      target_(static_cast<std::byte*>(target)) {}

void WeightPlacer::Place(const WeightWindow& window, const void* elements) {
  if (words_ && window.rows == kTransposedRows) {
    const size_t words = static_cast<size_t>(window.row) * element_bytes_ / sizeof(uint32_t) + 4;
    if (lines_.size() < words) lines_.resize(words);
    if (HWY_DYNAMIC_DISPATCH(PlaceByLines)(window, element_bytes_,
                                           static_cast<const std::byte*>(elements), places_,
                                           lines_[0].words, target_)) {
      return;
    }
  }
  const auto one_by_one = [&]<typename Element>(Element* target) {
    PlaceOneByOne(window, static_cast<const Element*>(elements), places_, target);
  };
  switch (element_bytes_) {
    case 1:
      return one_by_one(reinterpret_cast<uint8_t*>(target_));
    case 2:
      return one_by_one(reinterpret_cast<uint16_t*>(target_));
    default:
      return one_by_one(reinterpret_cast<uint32_t*>(target_));
  }
}

}  // namespace cpu
}  // namespace weft
#endif  // HWY_ONCE
