#ifndef WEFT_TESTS_NODES_IMAGE_PATTERNS_H_
#define WEFT_TESTS_NODES_IMAGE_PATTERNS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/base/json.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// The picture and the mask that tests/parity/image_goldens.py uses too.
inline Tensor PatternImage(int64_t height, int64_t width, int64_t channels) {
  std::vector<uint8_t> values;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t c = 0; c < channels; ++c) {
        values.push_back(static_cast<uint8_t>((x * 37 + y * 91 + c * 53 + x * y * 7) % 256));
      }
    }
  }
  return Tensor::Of<uint8_t>(Shape{1, height, width, channels}, values).value();
}
inline Tensor PatternMask(int64_t height, int64_t width) {
  std::vector<float> values;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      values.push_back(static_cast<float>((x * 5 + y * 3 + x * y) % 11) / 10.0f);
    }
  }
  return Tensor::Of<float>(Shape{1, height, width, 1}, values).value();
}

inline nlohmann::json ImageGoldens(const std::string& name) {
  return ReadJsonFile(std::string(WEFT_SOURCE_DIR) + "/tests/goldens/image/" + name + ".json")
      .value();
}

}  // namespace weft

#endif  // WEFT_TESTS_NODES_IMAGE_PATTERNS_H_
