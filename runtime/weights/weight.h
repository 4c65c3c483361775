#ifndef WEFT_RUNTIME_WEIGHTS_WEIGHT_H_
#define WEFT_RUNTIME_WEIGHTS_WEIGHT_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "runtime/tensor/tensor.h"

namespace weft {

// A file (or a set of shards) of named tensors, known by its header before any data is read.
class WeightFile {
 public:
  virtual ~WeightFile() = default;
  virtual const std::string& path() const = 0;
  // The bytes of tensor `index`, in its stored type; mapped, not copied, where the file allows.
  // Safe from several threads. Errors leave the path and the tensor's name to the caller.
  virtual absl::StatusOr<Tensor> Read(size_t index) const = 0;
  // What reading holds besides the tensors themselves: the window of a compressed file.
  virtual size_t scratch_bytes() const { return 0; }
};

// One named tensor of a file. Cheap to copy; default-constructed means "there is none" (a layer
// without bias).
class Weight {
 public:
  Weight() = default;
  Weight(std::shared_ptr<const WeightFile> file, size_t index, std::string name, DType dtype,
         Shape shape)
      : file_(std::move(file)),
        index_(index),
        name_(std::move(name)),
        dtype_(dtype),
        shape_(std::move(shape)),
        finite_(std::make_shared<std::atomic<bool>>(false)) {}

  bool empty() const { return file_ == nullptr; }
  const std::shared_ptr<const WeightFile>& file() const { return file_; }
  size_t index() const { return index_; }            // in file()
  const std::string& name() const { return name_; }  // as the file spells it
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  // An error names the file and the tensor; NaN and infinite values are errors. Whoever reads a
  // weight more than once should keep what it got: compressed files decompress again.
  absl::StatusOr<Tensor> Read() const;
  size_t scratch_bytes() const { return file_ != nullptr ? file_->scratch_bytes() : 0; }

 private:
  std::shared_ptr<const WeightFile> file_;
  size_t index_ = 0;
  std::string name_;
  DType dtype_ = DType::kF32;
  Shape shape_;
  std::shared_ptr<std::atomic<bool>> finite_;  // whether its values have been looked at
};

// The position of the first NaN or infinite value, or -1. Integer types have none.
int64_t FirstNonFinite(const Tensor& tensor);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_WEIGHT_H_
