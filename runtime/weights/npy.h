#ifndef WEFT_RUNTIME_WEIGHTS_NPY_H_
#define WEFT_RUNTIME_WEIGHTS_NPY_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/weights/stored_type.h"

namespace weft {

// NumPy's .npy file: one array. Source: numpy.lib.format.
struct NpyHeader {
  StoredType type = StoredType::kF32;
  bool swap_bytes = false;     // big-endian
  bool fortran_order = false;  // the first index runs fastest
  Shape shape;
  size_t data_begin = 0;
  size_t data_bytes = 0;
};

// Checks everything that can be known without the data; `bytes` is the file, or its beginning.
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view bytes);
// The header of a file whose length fits it.
absl::StatusOr<NpyHeader> ReadNpyHeader(const std::string& path);
absl::StatusOr<Tensor> ReadNpy(const std::string& path);
// The same from bytes that are there already. Errors leave the path to the caller.
absl::StatusOr<Tensor> ReadNpy(const std::shared_ptr<const MappedFile>& file);

// The file appears whole or not at all. bf16, which NumPy does not know, is written as f32.
absl::Status WriteNpy(const std::string& path, const Tensor& tensor);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_NPY_H_
