#ifndef WEFT_RUNTIME_BASE_RNG_H_
#define WEFT_RUNTIME_BASE_RNG_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/types/span.h"

namespace weft {

// The random stream of a PyTorch CPU generator, as a value: copying it copies where the stream
// stands. Same seed, same numbers as torch.Generator().manual_seed(seed) (mt19937; at::normal's
// Box–Muller in blocks of 16 for 16 values and more, one by one in double below).
class Rng {
 public:
  explicit Rng(uint64_t seed);

  uint32_t Next();  // 32 random bits
  // Fills `values` as torch.randn(n, generator=g) does in float32, to 1e-6.
  void Normal(absl::Span<float> values);

  friend bool operator==(const Rng&, const Rng&) = default;

 private:
  static constexpr int kWords = 624;
  static constexpr size_t kBlock = 16;

  static void NormalBlock(float* block);
  double NextNormal();

  std::array<uint32_t, kWords> state_;
  int position_ = kWords;
  std::optional<double> spare_normal_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_BASE_RNG_H_
