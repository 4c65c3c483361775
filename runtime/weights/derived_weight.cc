#include "runtime/weights/derived_weight.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// What all derived weights share: they are where their tensors are.
class DerivedFile : public WeightFile {
 public:
  explicit DerivedFile(std::vector<Weight> sources) : sources_(std::move(sources)) {}
  const std::string& path() const override { return sources_[0].file()->path(); }
  size_t scratch_bytes() const override { return sources_[0].scratch_bytes(); }

 protected:
  absl::StatusOr<Tensor> ReadSource(size_t i) const {
    return sources_[i].file()->Read(sources_[i].index());
  }
  const std::vector<Weight>& sources() const { return sources_; }

 private:
  std::vector<Weight> sources_;
};

Weight Derived(std::shared_ptr<const WeightFile> file, size_t index, const Weight& source,
               Shape shape) {
  return Weight(std::move(file), index, source.name(), source.dtype(), std::move(shape));
}

class RowWindows : public DerivedFile {
 public:
  RowWindows(const Weight& source, size_t count) : DerivedFile({source}), given_(count, false) {}

  absl::StatusOr<Tensor> Read(size_t index) const override {
    const absl::MutexLock lock(&mutex_);
    Tensor all = kept_;
    if (all.empty()) {
      WEFT_ASSIGN_OR_RETURN(all, ReadSource(0));
      std::fill(given_.begin(), given_.end(), false);
    }
    // Compressed files decompress a tensor anew each time: it is kept until all windows are read.
    given_[index] = true;
    const bool done = std::find(given_.begin(), given_.end(), false) == given_.end();
    kept_ = done ? Tensor() : all;
    const int64_t rows = all.dim(0) / static_cast<int64_t>(given_.size());
    const auto first = static_cast<int64_t>(index) * rows;
    return all.Rows(first, first + rows);
  }

 private:
  mutable absl::Mutex mutex_;
  mutable Tensor kept_ ABSL_GUARDED_BY(mutex_);
  mutable std::vector<bool> given_ ABSL_GUARDED_BY(mutex_);
};

class Stack : public DerivedFile {
 public:
  Stack(std::vector<Weight> sources, Shape shape)
      : DerivedFile(std::move(sources)), shape_(std::move(shape)) {}

  absl::StatusOr<Tensor> Read(size_t) const override {
    WEFT_ASSIGN_OR_RETURN(Tensor stacked,
                          Tensor::Allocate(Allocator(Device::kCpu), sources()[0].dtype(), shape_));
    auto* target = stacked.mutable_data<std::byte>();
    for (size_t i = 0; i < sources().size(); ++i) {
      WEFT_ASSIGN_OR_RETURN(const Tensor part, ReadSource(i));
      std::memcpy(target, part.raw(), part.bytes());
      target += part.bytes();
    }
    return stacked;
  }

 private:
  Shape shape_;
};

class Transpose : public DerivedFile {
 public:
  explicit Transpose(const Weight& source) : DerivedFile({source}) {}

  absl::StatusOr<Tensor> Read(size_t) const override {
    WEFT_ASSIGN_OR_RETURN(const Tensor tensor, ReadSource(0));
    const auto rows = static_cast<size_t>(tensor.dim(0));
    const auto columns = static_cast<size_t>(tensor.dim(1));
    const size_t size = SizeOf(tensor.dtype());
    WEFT_ASSIGN_OR_RETURN(Tensor turned, Tensor::Allocate(Allocator(Device::kCpu), tensor.dtype(),
                                                          Shape{tensor.dim(1), tensor.dim(0)}));
    auto* target = turned.mutable_data<std::byte>();
    for (size_t i = 0; i < columns; ++i) {
      for (size_t j = 0; j < rows; ++j, target += size) {
        std::memcpy(target, tensor.raw() + (j * columns + i) * size, size);
      }
    }
    return turned;
  }
};

class Reshape : public DerivedFile {
 public:
  Reshape(const Weight& source, Shape shape) : DerivedFile({source}), shape_(std::move(shape)) {}

  absl::StatusOr<Tensor> Read(size_t) const override {
    WEFT_ASSIGN_OR_RETURN(const Tensor tensor, ReadSource(0));
    return tensor.Reshape(shape_);
  }

 private:
  Shape shape_;
};

Shape WithRows(const Shape& shape, int64_t rows) {
  std::vector<int64_t> dims(shape.dims().begin(), shape.dims().end());
  dims[0] = rows;
  return Shape(dims);
}

}  // namespace

std::vector<Weight> SplitRows(const Weight& weight, int64_t count) {
  const auto file = std::make_shared<const RowWindows>(weight, static_cast<size_t>(count));
  const Shape shape = WithRows(weight.shape(), weight.shape().dim(0) / count);
  std::vector<Weight> windows;
  for (int64_t i = 0; i < count; ++i) {
    windows.push_back(Derived(file, static_cast<size_t>(i), weight, shape));
  }
  return windows;
}

Weight StackRows(std::vector<Weight> weights) {
  int64_t rows = 0;
  for (const Weight& weight : weights) rows += weight.shape().dim(0);
  const Weight first = weights[0];
  const Shape shape = WithRows(first.shape(), rows);
  return Derived(std::make_shared<const Stack>(std::move(weights), shape), 0, first, shape);
}

Weight Transposed(const Weight& weight) {
  return Derived(std::make_shared<const Transpose>(weight), 0, weight,
                 Shape{weight.shape().dim(1), weight.shape().dim(0)});
}

Weight Reshaped(const Weight& weight, const Shape& shape) {
  return Derived(std::make_shared<const Reshape>(weight, shape), 0, weight, shape);
}

}  // namespace weft
