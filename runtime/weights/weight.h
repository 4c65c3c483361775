#ifndef WEFT_RUNTIME_WEIGHTS_WEIGHT_H_
#define WEFT_RUNTIME_WEIGHTS_WEIGHT_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
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
  // Whether Read lends pages of a mapped file, which can leave the process while they are read
  // (MappedFile::HaveBeenRead).
  virtual bool Lends(size_t /*index*/) const { return false; }
};

struct WeightAdapter;  // weight_adapter.h
using WeightAdapters = std::vector<std::shared_ptr<const WeightAdapter>>;

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
        state_(std::make_shared<State>()) {}

  bool empty() const { return file_ == nullptr; }
  const std::shared_ptr<const WeightFile>& file() const { return file_; }
  size_t index() const { return index_; }            // in file()
  const std::string& name() const { return name_; }  // as the file spells it
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  // An error names the file and the tensor; NaN and infinite values are errors. Whoever reads a
  // weight more than once should keep what it got: compressed files decompress again.
  absl::StatusOr<Tensor> Read() const;
  // Without a look at the values, for whoever looks at them on the way and asks Read() for the
  // error where they are wrong.
  absl::StatusOr<Tensor> ReadUnchecked() const;
  bool lends() const { return file_ != nullptr && file_->Lends(index_); }
  size_t scratch_bytes() const { return file_ != nullptr ? file_->scratch_bytes() : 0; }

  // The same tensor with one adapter more. Read() gives the stored tensor in any case.
  // A merged adapter is summed into the weight when a layer packs it, so it is another weight;
  // a live one is computed by the layer beside it, and the weight itself stays the same.
  Weight WithMerged(std::shared_ptr<const WeightAdapter> adapter) const;
  Weight WithLive(std::shared_ptr<const WeightAdapter> adapter) const;
  const WeightAdapters& merged() const { return merged_; }
  const WeightAdapters& live() const { return live_; }

  // The same for copies, and for copies with live adapters.
  const void* identity() const { return state_.get(); }
  // What all that hold this weight share under `key`, made by whoever asks first; it lasts while
  // anybody holds it.
  std::shared_ptr<void> Share(const std::string& key,
                              absl::FunctionRef<std::shared_ptr<void>()> make) const;

 private:
  std::string Where() const;  // file and tensor

  struct State {
    std::atomic<bool> finite{false};  // whether its values have been looked at
    absl::Mutex mutex;
    absl::btree_map<std::string, std::weak_ptr<void>> shared ABSL_GUARDED_BY(mutex);
  };

  std::shared_ptr<const WeightFile> file_;
  size_t index_ = 0;
  std::string name_;
  DType dtype_ = DType::kF32;
  Shape shape_;
  std::shared_ptr<State> state_;
  WeightAdapters merged_;
  WeightAdapters live_;
};

// The position of the first NaN or infinite value, or -1. Integer types have none.
int64_t FirstNonFinite(const Tensor& tensor);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_WEIGHT_H_
