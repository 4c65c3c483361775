#include "runtime/base/rng.h"

#include <cmath>
#include <numbers>

namespace weft {
namespace {

// mt19937 (Matsumoto and Nishimura, 1998).
constexpr int kMiddle = 397;
constexpr uint32_t kTwist = 0x9908b0dfu;

// PyTorch's uniform numbers in [0, 1): the low 24 bits of one word, or the low 53 bits of two.
double Uniform24(uint32_t bits) { return (bits & 0xffffffu) * 0x1p-24; }
double Uniform53(uint32_t high, uint32_t low) {
  const uint64_t bits = static_cast<uint64_t>(high) << 32 | low;
  return static_cast<double>(bits & ((uint64_t{1} << 53) - 1)) * 0x1p-53;
}

}  // namespace

// A generator of PyTorch keeps only the low 32 bits of its seed.
Rng::Rng(uint64_t seed) {
  state_[0] = static_cast<uint32_t>(seed);
  for (uint32_t i = 1; i < kWords; ++i) {
    state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
  }
}

uint32_t Rng::Next() {
  if (position_ == kWords) {
    for (size_t i = 0; i < kWords; ++i) {
      const uint32_t y = (state_[i] & 0x80000000u) | (state_[(i + 1) % kWords] & 0x7fffffffu);
      state_[i] = state_[(i + kMiddle) % kWords] ^ (y >> 1) ^ ((y & 1u) != 0 ? kTwist : 0u);
    }
    position_ = 0;
  }
  uint32_t y = state_[static_cast<size_t>(position_++)];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

void Rng::Normal(absl::Span<float> values) {
  if (values.size() < kBlock) {
    for (float& value : values) value = static_cast<float>(NextNormal());
    return;
  }
  // All uniform numbers are drawn before the first block is turned into normal ones.
  for (float& value : values) value = static_cast<float>(Uniform24(Next()));
  size_t begin = 0;
  for (; begin + kBlock <= values.size(); begin += kBlock) NormalBlock(&values[begin]);
  if (begin == values.size()) return;
  // What is left over becomes part of a block of new numbers over the last 16 places.
  float* last = &values[values.size() - kBlock];
  for (size_t i = 0; i < kBlock; ++i) last[i] = static_cast<float>(Uniform24(Next()));
  NormalBlock(last);
}

// Box–Muller on 16 uniform numbers in place: the first eight give the radii, the others the angles.
// PyTorch rounds radius and angle to 32 bits, and far out a rounded angle moves the result by more
// than a millionth: so they are rounded here too.
void Rng::NormalBlock(float* block) {
  for (size_t i = 0; i < kBlock / 2; ++i) {
    const auto log = static_cast<float>(std::log(1.0 - static_cast<double>(block[i])));
    const float radius = std::sqrt(-2.0f * log);
    const auto angle =
        static_cast<double>(2.0f * std::numbers::pi_v<float> * block[i + kBlock / 2]);
    block[i] = radius * static_cast<float>(std::cos(angle));
    block[i + kBlock / 2] = radius * static_cast<float>(std::sin(angle));
  }
}

// Box–Muller one pair at a time; the second of the pair waits for the next call.
double Rng::NextNormal() {
  if (spare_normal_.has_value()) {
    const double normal = *spare_normal_;
    spare_normal_.reset();
    return normal;
  }
  const uint32_t angle_high = Next();
  const uint32_t angle_low = Next();
  const uint32_t radius_high = Next();
  const uint32_t radius_low = Next();
  const double angle = 2.0 * std::numbers::pi * Uniform53(angle_high, angle_low);
  const double radius = std::sqrt(-2.0 * std::log1p(-Uniform53(radius_high, radius_low)));
  spare_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

}  // namespace weft
