#ifndef WEFT_RUNTIME_WEIGHTS_INT8_TABLE_H_
#define WEFT_RUNTIME_WEIGHTS_INT8_TABLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/tensor/int8_input.h"

namespace weft {

class WeightStore;

// What the file beside a network's weights says of one layer.
struct Int8Layer {
  // Scales stay within these, so that they and their inverses are finite when migrated, too.
  static constexpr double kLeastScale = 1e-20;
  static constexpr double kMostScale = 1e20;
  static constexpr double kMostNoise = 1e30;  // JSON has no infinity

  // The range of one of the tensors that stand side by side in the input.
  struct Source {
    int64_t channels = 0;
    float scale = 1.0f;
    uint8_t zero = 0;
  };
  std::string kept;  // why it is not computed in 8 bits; "" where it is
  // Noise over signal of the layer's result on the calibration set: Σ(y8 - y)² / Σy².
  double noise = 0;
  double multiply_adds = 0;  // of one call, on average
  std::vector<Source> sources;
  // By how many half powers of two the scale of each channel is larger than its source's; empty:
  // by none.
  std::vector<int> migration;

  Int8Input Input() const;
};

// Which layers of a network compute in 8 bits, and how their inputs are told: made by
// `weft quantize`, for these weights and no others.
struct Int8Table {
  std::string path;     // of the file
  std::string weights;  // the fingerprint of what it was made for
  // The steps of a run in 8 bits: from this share of them to that one, which is larger.
  double first_share = 0.0;
  double last_share = 1.0;
  absl::btree_map<std::string, Int8Layer> layers;
  // Of the layers in 8 bits; filled by Index.
  absl::btree_map<std::string, std::shared_ptr<const Int8Input>> inputs;

  void Index();
  std::shared_ptr<const Int8Input> Find(absl::string_view layer) const;
  // The share of multiply-adds in 8 bits, among all layers that the table tells of.
  double Share() const;
  std::string ToJson(absl::string_view version) const;
};

// A file from outside. Errors name it, and what is wrong with which layer.
absl::StatusOr<std::shared_ptr<const Int8Table>> ReadInt8Table(const std::string& path);
absl::StatusOr<std::shared_ptr<const Int8Table>> ParseInt8Table(absl::string_view json,
                                                                const std::string& path);

// Where the table of these weights lies: "…/diffusion_pytorch_model.int8.json" beside
// "…/diffusion_pytorch_model.safetensors".
std::string Int8TablePath(const std::string& weights);

// Sixteen hexadecimal digits that tell these weights from others, wherever their file lies and
// however it names them: of all names, shapes and types, the values of vectors (biases and norms)
// and the beginnings of some matrices.
absl::StatusOr<std::string> WeightsFingerprint(const WeightStore& store);

// OK where the table was made for this store, and tells of no layer that is not in it.
absl::Status CheckInt8Table(const Int8Table& table, const WeightStore& store);

// Tells packed weights of one layer apart that were made for different inputs.
std::string Int8Kind(const Int8Input& input);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_INT8_TABLE_H_
