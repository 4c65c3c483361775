// Blocks of small integers to floats. The order of multiplications and additions is that of the
// gguf package, so that every bit is the same; the build keeps them from being fused.

#include <cstring>

#include "runtime/tensor/dtype.h"
#include "runtime/weights/gguf_type.h"

namespace weft {
namespace {

constexpr size_t kSmall = 32;   // elements of a block
constexpr size_t kLarge = 256;  // of a K block
constexpr size_t kHalf = kSmall / 2;

float Half(const uint8_t* at) {
  F16 half;
  std::memcpy(&half.bits, at, sizeof(half.bits));
  return ToFloat(half);
}

uint32_t Word(const uint8_t* at) {
  uint32_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// Each byte of `nibbles` holds element i in its low half, and element i + 16 in its high one.
template <typename Value>
void UnpackNibbles(const uint8_t* nibbles, float* to, Value value) {
  for (size_t i = 0; i < kHalf; ++i) to[i] = value(nibbles[i] & 0x0f, i);
  for (size_t i = 0; i < kHalf; ++i) to[kHalf + i] = value(nibbles[i] >> 4, kHalf + i);
}

// The scales and least values of the eight groups of a K block, six bits each: four of both in the
// first eight bytes, the others' low halves in the last four, and their high bits above the first.
struct GroupScales {
  float scale[8];
  float least[8];
};
GroupScales UnpackScales(const uint8_t* packed, float d, float dmin) {
  GroupScales groups;
  for (size_t i = 0; i < 4; ++i) {
    const int scale = packed[8 + i] & 0x0f;
    const int least = packed[8 + i] >> 4;
    groups.scale[i] = d * static_cast<float>(packed[i] & 0x3f);
    groups.least[i] = dmin * static_cast<float>(packed[4 + i] & 0x3f);
    groups.scale[4 + i] = d * static_cast<float>(scale | (packed[i] >> 2 & 0x30));
    groups.least[4 + i] = dmin * static_cast<float>(least | (packed[4 + i] >> 2 & 0x30));
  }
  return groups;
}

template <size_t kBytes, size_t kElements, typename Block>
void EachBlock(const std::byte* from, size_t blocks, float* to, Block block) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(from);
  for (size_t i = 0; i < blocks; ++i) block(bytes + i * kBytes, to + i * kElements);
}

}  // namespace

void DequantizeQ8_0(const std::byte* from, size_t blocks, float* to) {
  EachBlock<34, kSmall>(from, blocks, to, [](const uint8_t* block, float* out) {
    const float d = Half(block);
    for (size_t i = 0; i < kSmall; ++i) {
      out[i] = static_cast<float>(static_cast<int8_t>(block[2 + i])) * d;
    }
  });
}

void DequantizeQ4_0(const std::byte* from, size_t blocks, float* to) {
  EachBlock<18, kSmall>(from, blocks, to, [](const uint8_t* block, float* out) {
    const float d = Half(block);
    UnpackNibbles(block + 2, out, [d](int q, size_t) { return d * static_cast<float>(q - 8); });
  });
}

void DequantizeQ4_1(const std::byte* from, size_t blocks, float* to) {
  EachBlock<20, kSmall>(from, blocks, to, [](const uint8_t* block, float* out) {
    const float d = Half(block);
    const float least = Half(block + 2);
    UnpackNibbles(block + 4, out, [=](int q, size_t) { return d * static_cast<float>(q) + least; });
  });
}

void DequantizeQ5_0(const std::byte* from, size_t blocks, float* to) {
  EachBlock<22, kSmall>(from, blocks, to, [](const uint8_t* block, float* out) {
    const float d = Half(block);
    const uint32_t fifth = Word(block + 2);
    UnpackNibbles(block + 6, out, [=](int q, size_t i) {
      return d * static_cast<float>((q | static_cast<int>((fifth >> i & 1) << 4)) - 16);
    });
  });
}

void DequantizeQ5_1(const std::byte* from, size_t blocks, float* to) {
  EachBlock<24, kSmall>(from, blocks, to, [](const uint8_t* block, float* out) {
    const float d = Half(block);
    const float least = Half(block + 2);
    const uint32_t fifth = Word(block + 4);
    UnpackNibbles(block + 8, out, [=](int q, size_t i) {
      return d * static_cast<float>(q | static_cast<int>((fifth >> i & 1) << 4)) + least;
    });
  });
}

void DequantizeQ4_K(const std::byte* from, size_t blocks, float* to) {
  EachBlock<144, kLarge>(from, blocks, to, [](const uint8_t* block, float* out) {
    const GroupScales groups = UnpackScales(block + 4, Half(block), Half(block + 2));
    for (size_t group = 0; group < 8; ++group) {
      const uint8_t* nibbles = block + 16 + group / 2 * 32;
      const int shift = group % 2 == 0 ? 0 : 4;
      const float d = groups.scale[group];
      const float least = groups.least[group];
      for (size_t i = 0; i < 32; ++i) {
        out[group * 32 + i] = d * static_cast<float>(nibbles[i] >> shift & 0x0f) - least;
      }
    }
  });
}

void DequantizeQ5_K(const std::byte* from, size_t blocks, float* to) {
  EachBlock<176, kLarge>(from, blocks, to, [](const uint8_t* block, float* out) {
    const GroupScales groups = UnpackScales(block + 4, Half(block), Half(block + 2));
    const uint8_t* fifth = block + 16;  // bit g of byte i is that of element i of group g
    for (size_t group = 0; group < 8; ++group) {
      const uint8_t* nibbles = block + 48 + group / 2 * 32;
      const int shift = group % 2 == 0 ? 0 : 4;
      const float d = groups.scale[group];
      const float least = groups.least[group];
      for (size_t i = 0; i < 32; ++i) {
        const int q = (nibbles[i] >> shift & 0x0f) | (fifth[i] >> group & 1) << 4;
        out[group * 32 + i] = d * static_cast<float>(q) - least;
      }
    }
  });
}

void DequantizeQ6_K(const std::byte* from, size_t blocks, float* to) {
  EachBlock<210, kLarge>(from, blocks, to, [](const uint8_t* block, float* out) {
    const float d = Half(block + 208);
    for (size_t group = 0; group < 8; ++group) {  // four of them in each half of the block
      const size_t half = group / 4;
      const size_t quarter = group % 4;
      const uint8_t* low = block + half * 64 + quarter % 2 * 32;
      const uint8_t* high = block + 128 + half * 32;
      const size_t low_shift = quarter / 2 * 4;
      const size_t high_shift = quarter * 2;
      for (size_t part = 0; part < 2; ++part) {
        const float scale =
            d * static_cast<float>(static_cast<int8_t>(block[192 + group * 2 + part]));
        for (size_t i = part * 16; i < part * 16 + 16; ++i) {
          const int q = (low[i] >> low_shift & 0x0f) | (high[i] >> high_shift & 3) << 4;
          out[group * 32 + i] = scale * static_cast<float>(q - 32);
        }
      }
    }
  });
}

}  // namespace weft
