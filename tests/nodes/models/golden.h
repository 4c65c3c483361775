#ifndef WEFT_TESTS_NODES_MODELS_GOLDEN_H_
#define WEFT_TESTS_NODES_MODELS_GOLDEN_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/backend/meta/meta_backend.h"
#include "runtime/ops/ops.h"
#include "runtime/weights/weight_store.h"

namespace weft {

inline Backend& CpuForTests() {
  static Backend& backend = *MakeCpuBackend().release();
  return backend;
}
inline Backend& MetaForTests() {
  static Backend& backend = *MakeMetaBackend().release();
  return backend;
}
inline Ops CpuOps(DType compute = DType::kF32) {
  return Ops(CpuForTests(), Allocator(Device::kCpu), compute);
}
inline Ops MetaOps(DType compute = DType::kF32) {
  return Ops(MetaForTests(), Allocator(Device::kMeta), compute);
}

inline std::string GoldenFolder(const std::string& name) {
  // WEFT_MODEL_GOLDENS: another folder of this layout, for models compared by hand.
  const char* elsewhere = std::getenv("WEFT_MODEL_GOLDENS");
  const std::string folder = elsewhere != nullptr
                                 ? std::string(elsewhere)
                                 : std::string(WEFT_SOURCE_DIR) + "/tests/goldens/models";
  return folder + "/" + name;
}

// The golden models that hold this part: "unet", "vae" or "text_encoder".
inline std::vector<std::string> GoldensWith(const std::string& part) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenFolder(""))) {
    if (std::filesystem::exists(entry.path() / part / "config.json")) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The tensors beside a golden model: what went in, what came out.
class GoldenTensors {
 public:
  explicit GoldenTensors(const std::string& name)
      : store_(WeightStore::Open(GoldenFolder(name) + "/io.safetensors").value()) {}
  bool Has(const std::string& name) const { return store_->Find(name) != nullptr; }
  Tensor Get(const std::string& name) const {
    const Weight* weight = store_->Find(name);
    if (weight == nullptr) {
      ADD_FAILURE() << "the golden has no tensor " << name;
      return Tensor();
    }
    return weight->Read().value();
  }

 private:
  std::shared_ptr<WeightStore> store_;
};

inline Tensor MadeOf(Shape shape, const std::vector<float>& values) {
  return Tensor::Of<float>(std::move(shape), values).value();
}

// How far `got` is from `wanted`: the greatest difference over the range of `wanted`.
inline double Distance(const Tensor& got, const Tensor& wanted) {
  EXPECT_EQ(got.shape().ToString(), wanted.shape().ToString());
  EXPECT_EQ(got.dtype(), DType::kF32);
  if (!(got.shape() == wanted.shape()) || got.dtype() != DType::kF32) return INFINITY;
  double most = 0;
  float low = INFINITY;
  float high = -INFINITY;
  for (int64_t i = 0; i < wanted.numel(); ++i) {
    const float w = wanted.data<float>()[i];
    const double difference = std::abs(static_cast<double>(got.data<float>()[i]) - w);
    most = std::isnan(difference) ? INFINITY : std::max(most, difference);
    low = std::min(low, w);
    high = std::max(high, w);
  }
  return most / (static_cast<double>(high) - low);
}

inline double Cosine(const Tensor& got, const Tensor& wanted) {
  EXPECT_EQ(got.shape().ToString(), wanted.shape().ToString());
  if (!(got.shape() == wanted.shape()) || got.dtype() != DType::kF32) return 0;
  double dot = 0;
  double a = 0;
  double b = 0;
  for (int64_t i = 0; i < wanted.numel(); ++i) {
    const double g = got.data<float>()[i];
    const double w = wanted.data<float>()[i];
    dot += g * w;
    a += g * g;
    b += w * w;
  }
  return dot / std::sqrt(a * b);
}

// The bars of parity: 1e-4 of the range in f32, a cosine of 0.999 in bf16; of a random network that
// magnifies rounding, 1.5 times as far from 1 as diffusers itself comes in bf16.
inline void ExpectParity(const std::string& what, const Tensor& got, const Tensor& wanted,
                         DType compute, double diffusers_cosine = 1.0) {
  if (compute == DType::kF32) {
    const double distance = Distance(got, wanted);
    EXPECT_LE(distance, 1e-4) << what;
    ::testing::Test::RecordProperty(what, absl::StrCat(distance));
  } else {
    const double cosine = Cosine(got, wanted);
    EXPECT_GE(cosine, std::min(0.999, 1 - 1.5 * (1 - diffusers_cosine))) << what;
    ::testing::Test::RecordProperty(what, absl::StrCat(1 - cosine));
  }
}

}  // namespace weft

#endif  // WEFT_TESTS_NODES_MODELS_GOLDEN_H_
