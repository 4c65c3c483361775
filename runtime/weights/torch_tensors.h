#ifndef WEFT_RUNTIME_WEIGHTS_TORCH_TENSORS_H_
#define WEFT_RUNTIME_WEIGHTS_TORCH_TENSORS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/weights/pickle.h"
#include "runtime/weights/stored_type.h"

namespace weft {

// A block of numbers that lies beside the pickle and that tensors are views of.
struct TorchStorage {
  std::string key;
  std::optional<StoredType> type;  // none for an UntypedStorage, which counts bytes
  int64_t elements = 0;
};

// A view of a storage, in elements.
struct TorchTensor {
  std::string name;  // "model.diffusion_model.out.2.bias"
  std::string storage;
  StoredType type = StoredType::kF32;
  int64_t offset = 0;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
  size_t bytes = 0;  // of its elements
};

struct TorchContents {
  std::vector<TorchTensor> tensors;
  absl::btree_map<std::string, std::string> metadata;  // texts and numbers beside the tensors
  std::vector<std::string> notices;
};

// The storage that a persistent id names: ("storage", torch.FloatStorage, "0", "cpu", 20). Not of a
// "module" id, which in old files stands for a class and carries its source.
bool IsStorage(const Pickle& pickle, PickleRef ref);
absl::StatusOr<TorchStorage> TorchStorageOf(const Pickle& pickle, PickleRef persistent);

// Every tensor below the root by its path of keys: dicts, lists, and the parameters of modules;
// where the root has a "state_dict", as training programs write it, that one alone. Sizes, strides
// and offsets have been checked against the storage's own size; no tensor has more elements than
// its storage. A pickle that names something able to run programs is refused; other classes that
// are not known are told in the notices.
absl::StatusOr<TorchContents> ReadTorchContents(const Pickle& pickle);

// An error if the pickle names a function that no file of weights has a use for, such as os.system.
absl::Status RefuseHostileGlobals(const Pickle& pickle);

// The tensor that `ref` rebuilds; nullopt if it is no tensor.
absl::StatusOr<std::optional<TorchTensor>> TorchTensorOf(const Pickle& pickle, PickleRef ref);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_TORCH_TENSORS_H_
