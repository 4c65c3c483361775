#ifndef WEFT_TESTS_FUZZ_MUTATION_H_
#define WEFT_TESTS_FUZZ_MUTATION_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>

namespace weft {

// Breaks files the same way for the same seed: bits, lengths, order, ends.
class Mutation {
 public:
  explicit Mutation(uint64_t seed) : random_(seed) {}

  std::string Of(std::string file) {
    const size_t times = 1 + Below(3);
    for (size_t i = 0; i < times && !file.empty(); ++i) Break(file);
    return file;
  }

 private:
  size_t Below(size_t end) { return end == 0 ? 0 : static_cast<size_t>(random_() % end); }
  // Half of the places are near the ends, where headers and directories lie.
  size_t Place(size_t size) {
    constexpr size_t kNear = 256;
    const size_t place = Below(size);
    switch (Below(4)) {
      case 0:
        return place % std::min(size, kNear);
      case 1:
        return size - 1 - place % std::min(size, kNear);
      default:
        return place;
    }
  }

  void Break(std::string& file) {
    const size_t at = Place(file.size());
    const size_t length = std::min<size_t>(1 + Below(32), file.size() - at);
    switch (Below(7)) {
      case 0:  // bits
        for (size_t i = 0; i < 1 + Below(8); ++i) {
          file[Place(file.size())] ^= static_cast<char>(1 << Below(8));
        }
        break;
      case 1:  // an end before the end
        file.resize(at);
        break;
      case 2: {  // a length or an offset, of one to eight bytes
        const std::array<uint64_t, 8> values = {0,
                                                1,
                                                ~uint64_t{0},
                                                uint64_t{1} << 63,
                                                0x7fffffff,
                                                uint64_t{1} << 32,
                                                file.size(),
                                                file.size() * 2 + 1};
        const uint64_t value = values[Below(values.size())];
        const size_t width = size_t{1} << Below(4);
        for (size_t i = 0; i < width && at + i < file.size(); ++i) {
          file[at + i] = static_cast<char>(value >> (8 * i));
        }
        break;
      }
      case 3: {  // two pieces change places
        const size_t other = Below(file.size() - length + 1);
        for (size_t i = 0; i < length; ++i) std::swap(file[at + i], file[other + i]);
        break;
      }
      case 4:  // a piece twice
        file.insert(at, file.substr(at, length));
        break;
      case 5:  // a piece missing
        file.erase(at, length);
        break;
      default:  // any byte
        file[at] = static_cast<char>(Below(256));
    }
  }

  std::mt19937_64 random_;
};

}  // namespace weft

#endif  // WEFT_TESTS_FUZZ_MUTATION_H_
