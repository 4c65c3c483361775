#include "runtime/tensor/finite.h"

#include <algorithm>
#include <cstring>

namespace weft {
namespace {

// A number is NaN or infinite where all bits of its exponent are set: adding its lowest bit then
// carries into the sign's place, which is free, and into no further one. So a word of 8 bytes tells
// of 2 or 4 numbers at once.
template <typename Bits, Bits kExponent>
int64_t FirstWithFullExponent(const std::byte* data, int64_t count) {
  constexpr int64_t kNumbers = sizeof(uint64_t) / sizeof(Bits);
  constexpr uint64_t kOnes = sizeof(Bits) == 2 ? 0x0001000100010001u : 0x0000000100000001u;
  constexpr uint64_t kExponents = kOnes * kExponent;
  constexpr uint64_t kLowest = kOnes * (kExponent & static_cast<Bits>(~kExponent + 1));
  constexpr uint64_t kSigns = kOnes << (8 * sizeof(Bits) - 1);
  const auto at = [data](int64_t i) {
    Bits bits;
    std::memcpy(&bits, data + static_cast<size_t>(i) * sizeof(Bits), sizeof(Bits));
    return bits;
  };
  // Blocks are looked at without branches, and searched where they are hit.
  constexpr int64_t kBlock = 1 << 14;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(count, begin + kBlock);
    uint64_t hit = 0;
    int64_t word = begin;
    for (; word + kNumbers <= end; word += kNumbers) {
      uint64_t bits;
      std::memcpy(&bits, data + static_cast<size_t>(word) * sizeof(Bits), sizeof(bits));
      hit |= (bits & kExponents) + kLowest;
    }
    hit &= kSigns;
    for (; word < end; ++word) hit |= static_cast<uint64_t>((at(word) & kExponent) == kExponent);
    for (int64_t i = begin; hit != 0 && i < end; ++i) {
      if ((at(i) & kExponent) == kExponent) return i;
    }
  }
  return -1;
}

}  // namespace

int64_t FirstNonFinite(const std::byte* data, DType dtype, int64_t count) {
  switch (dtype) {
    case DType::kF32:
      return FirstWithFullExponent<uint32_t, 0x7f800000u>(data, count);
    case DType::kBF16:
      return FirstWithFullExponent<uint16_t, 0x7f80u>(data, count);
    case DType::kF16:
      return FirstWithFullExponent<uint16_t, 0x7c00u>(data, count);
    default:
      return -1;
  }
}

}  // namespace weft
