#ifndef WEFT_NODES_IO_TENSOR_FILE_H_
#define WEFT_NODES_IO_TENSOR_FILE_H_

#include <memory>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/graph/value.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// What LoadTensor makes of the numbers in a file.
enum class TensorKind : uint8_t { kTensor, kTokens, kConditioning, kLatent, kImage };

// The name of a pooled embedding beside a conditioning's tokens.
inline constexpr absl::string_view kPooledName = "pooled";

// Tensors of a .safetensors(.zst) or .npy file. With `read` false they are memory-less: the header
// alone is looked at.
class TensorFile {
 public:
  static absl::StatusOr<TensorFile> Open(const std::string& path);

  // The tensor `name`; where that is empty the one called "value", or the only one. Its own type,
  // but f64 comes as f32. An error names the nearest tensor, or all; NaN is an error.
  absl::StatusOr<Tensor> Get(absl::string_view name, bool read, const Allocator& allocator) const;
  bool Has(absl::string_view name) const;
  const std::string& path() const { return path_; }

 private:
  struct Source;
  std::string path_;
  std::shared_ptr<const Source> source_;
};

// `tensor` in the type and rank of `kind`: tokens [b, n] i32; conditioning [b, n, width] f32;
// latent [b, c, h, w] f32; image [b, h, w, c] u8 or f32; a missing first axis becomes 1.
absl::StatusOr<Tensor> AsKind(const Tensor& tensor, TensorKind kind, const Allocator& allocator);

// What SaveTensor writes for `value`: the tensor itself, the tokens and "pooled" of a conditioning
// of one entry, or `name`.0, `name`.1 … of a list of tensors.
absl::StatusOr<absl::btree_map<std::string, Tensor>> TensorsOf(const Value& value,
                                                               const std::string& name);

// Whether the path ends in .npy (true) or .safetensors (false); an error otherwise.
absl::StatusOr<bool> IsNpyPath(absl::string_view path);

}  // namespace weft

#endif  // WEFT_NODES_IO_TENSOR_FILE_H_
