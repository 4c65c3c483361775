#ifndef WEFT_RUNTIME_WEIGHTS_WEIGHT_STORE_H_
#define WEFT_RUNTIME_WEIGHTS_WEIGHT_STORE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/weights/int8_table.h"
#include "runtime/weights/weight.h"
#include "runtime/weights/weight_file.h"

namespace weft {

// A name on disk → the name that layers bind. One such function describes one dialect.
using CanonicalName = std::function<std::string(absl::string_view)>;
// Takes `prefix` off the names that have it; for files that some versions write with it.
CanonicalName WithoutPrefix(std::string prefix);

// The tensors of one model part by name. Opening reads headers alone.
class WeightStore {
 public:
  // Any weight file (weight_file.h). Errors name the file, and the tensor.
  static absl::StatusOr<std::shared_ptr<WeightStore>> Open(const std::string& path);
  // The weights of a diffusers part in `folder`: `stem`(.fp16).safetensors(.zst), or the shards
  // that `stem`.safetensors.index.json lists; where there are none, pickles of the same names with
  // .bin (pytorch_model.bin for "model"); then the only .gguf file. NOT_FOUND names what was looked
  // for.
  static absl::StatusOr<std::shared_ptr<WeightStore>> OpenFolder(const std::string& folder,
                                                                 absl::string_view stem);
  // A store of tensors in memory, for tests and tools.
  static std::shared_ptr<WeightStore> Of(std::string path,
                                         absl::btree_map<std::string, Tensor> tensors);
  // A store of weights that were found elsewhere, by the names that layers bind.
  static std::shared_ptr<WeightStore> OfWeights(std::string path,
                                                absl::btree_map<std::string, Weight> weights);

  // The same tensors under other names. An error if two end up under one.
  absl::StatusOr<std::shared_ptr<WeightStore>> Renamed(const CanonicalName& canonical) const;

  const std::string& path() const { return path_; }
  const absl::btree_map<std::string, Weight>& weights() const { return weights_; }
  // Where they come from: the file, or the shards. None for tensors in memory.
  const std::vector<std::shared_ptr<const ListedWeightFile>>& files() const { return files_; }
  const Weight* Find(absl::string_view name) const;  // null where there is none

  // The same tensors with what is known of their layers in 8 bits (may be null).
  std::shared_ptr<WeightStore> WithInt8(std::shared_ptr<const Int8Table> table) const;
  const std::shared_ptr<const Int8Table>& int8() const { return int8_; }

 private:
  static absl::StatusOr<std::shared_ptr<WeightStore>> OpenShards(const std::string& index);
  absl::Status Add(const std::string& path);

  std::string path_;
  absl::btree_map<std::string, Weight> weights_;
  std::vector<std::shared_ptr<const ListedWeightFile>> files_;
  std::shared_ptr<const Int8Table> int8_;
};

// Binds weights for layers: a store seen through a name prefix. Mistakes are collected, not
// thrown: a constructor binds what it needs, and whoever built the whole model asks status() once.
class Scope {
 public:
  explicit Scope(std::shared_ptr<const WeightStore> store);

  // The scope of "prefix.name"; numbers make up list positions: Sub("down_blocks", 0).
  Scope Sub(absl::string_view name) const;
  Scope Sub(absl::string_view name, int64_t index) const;

  bool Has(absl::string_view name) const;
  // How this layer's input is told in 8 bits, or null where nothing says it or a sum over all
  // channels and `taps` would not fit (kMostInt8Products). Notes a mistake where it is of another
  // number of channels.
  std::shared_ptr<const Int8Input> Int8(int64_t channels, int64_t taps = 1) const;
  // The tensor "prefix.name", which must have this shape and a float type; else an error is
  // noted, with the nearest name, and an empty Weight is returned.
  Weight Get(absl::string_view name, const Shape& shape) const;
  // Its shape, for layers that take theirs from the file; rank 0 where there is none.
  Shape ShapeOf(absl::string_view name) const;
  // Counts a tensor that is in files but not used as asked for.
  void Ignore(absl::string_view name) const;
  // Notes another mistake, which status() will tell.
  void Fail(absl::string_view message) const;

  const std::string& prefix() const { return prefix_; }  // "" or "down_blocks.0"
  // Everything that was missing or mis-shaped, in one error that names the file; OK otherwise.
  absl::Status status() const;
  // Names that nothing has asked for below this prefix.
  std::vector<std::string> Unused() const;

 private:
  struct Audit;
  Scope(std::shared_ptr<const WeightStore> store, std::string prefix, std::shared_ptr<Audit> audit)
      : store_(std::move(store)), prefix_(std::move(prefix)), audit_(std::move(audit)) {}
  std::string FullName(absl::string_view name) const;

  std::shared_ptr<const WeightStore> store_;
  std::string prefix_;
  std::shared_ptr<Audit> audit_;  // shared with all scopes below
};

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_WEIGHT_STORE_H_
