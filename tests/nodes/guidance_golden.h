#ifndef WEFT_TESTS_NODES_GUIDANCE_GOLDEN_H_
#define WEFT_TESTS_NODES_GUIDANCE_GOLDEN_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/weights/weight_store.h"

namespace weft {

// tests/goldens/guidance: what diffusers' pipelines answer after guidance.
class GuidanceGolden {
 public:
  Tensor Get(const std::string& name) const {
    const Weight* weight = store_->Find(name);
    if (weight == nullptr) {
      ADD_FAILURE() << "the golden has no tensor " << name;
      return Tensor();
    }
    return weight->Read().value();
  }
  std::vector<float> Values(const std::string& name) const {
    const Tensor tensor = Get(name);
    return {tensor.span<float>().begin(), tensor.span<float>().end()};
  }

 private:
  std::shared_ptr<WeightStore> store_ =
      WeightStore::Open(std::string(WEFT_SOURCE_DIR) +
                        "/tests/goldens/guidance/guidance.safetensors")
          .value();
};

}  // namespace weft

#endif  // WEFT_TESTS_NODES_GUIDANCE_GOLDEN_H_
