#include "nodes/sampling/seed_sequence.h"

#include <algorithm>

namespace weft {
namespace {

// A hash of one word whose constant moves on with each use.
class Hash {
 public:
  Hash(uint32_t start, uint32_t multiplier) : constant_(start), multiplier_(multiplier) {}

  uint32_t operator()(uint32_t word) {
    word ^= constant_;
    constant_ *= multiplier_;
    word *= constant_;
    return word ^ (word >> 16);
  }

 private:
  uint32_t constant_;
  uint32_t multiplier_;
};

uint32_t Mixed(uint32_t x, uint32_t y) {
  const uint32_t mixed = 0xca01f9ddu * x - 0x4973f715u * y;
  return mixed ^ (mixed >> 16);
}

// A number as 32-bit words, the lowest first; zero is one word.
void AppendWords(uint64_t number, std::vector<uint32_t>& words) {
  do {
    words.push_back(static_cast<uint32_t>(number));
    number >>= 32;
  } while (number != 0);
}

}  // namespace

std::vector<uint32_t> SeedSequence(uint64_t entropy, absl::Span<const uint64_t> keys, size_t pool,
                                   size_t count) {
  std::vector<uint32_t> words;
  AppendWords(entropy, words);
  // Keys begin after a full pool, so that they cannot be mistaken for entropy.
  if (!keys.empty()) words.resize(std::max(words.size(), pool));
  for (uint64_t key : keys) AppendWords(key, words);

  Hash in(0x43b0d7e5u, 0x931e8875u);
  std::vector<uint32_t> mixer;
  for (size_t i = 0; i < pool; ++i) mixer.push_back(in(i < words.size() ? words[i] : 0));
  for (size_t from = 0; from < pool; ++from) {
    for (size_t to = 0; to < pool; ++to) {
      if (from != to) mixer[to] = Mixed(mixer[to], in(mixer[from]));
    }
  }
  for (size_t from = pool; from < words.size(); ++from) {
    for (uint32_t& to : mixer) to = Mixed(to, in(words[from]));
  }

  Hash out(0x8b51f9ddu, 0x58f38dedu);
  std::vector<uint32_t> state;
  for (size_t i = 0; i < count; ++i) state.push_back(out(mixer[i % pool]));
  return state;
}

}  // namespace weft
