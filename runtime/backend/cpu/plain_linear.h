#ifndef WEFT_RUNTIME_BACKEND_CPU_PLAIN_LINEAR_H_
#define WEFT_RUNTIME_BACKEND_CPU_PLAIN_LINEAR_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "runtime/backend/cpu/onednn.h"

namespace weft::cpu {

// y = activation(x·w + bias + addend) · factor + residual
struct Product {
  const void* x = nullptr;
  int64_t rows = 0;
  const float* bias = nullptr;   // [out] or null
  const void* addend = nullptr;  // [rows, out] or null
  Activation activation = Activation::kNone;
  const void* factor = nullptr;  // [rows, out] or null
  ResidualMode residual = ResidualMode::kNone;
  const void* separate = nullptr;  // the residual where kSeparate
  void* output = nullptr;
};

// Products with one matrix [out, in] by oneDNN: its weights in the layouts that primitives ask for,
// and a primitive for each number of rows.
class PlainLinear {
 public:
  // `weight` must live until Pack has returned.
  PlainLinear(int64_t in, int64_t out, DType compute, const std::byte* weight, DType stored)
      : in_(in),
        out_(out),
        compute_(compute),
        layouts_({.out = 1, .in = 0}, compute, StoredRows{weight, stored, out, in, 1, in}) {}

  // Makes the packed weights, by what `rows` rows want.
  absl::Status Pack(int64_t rows, const Allocator& allocator) const;
  absl::Status Run(const Product& product, const Allocator& allocator) const;

 private:
  struct Key {
    int64_t rows;
    Activation activation;
    ResidualMode residual;
    bool bias, addend, factor;
    int threads;  // oneDNN cuts the work up when a primitive is made
    auto operator<=>(const Key&) const = default;
  };

  absl::StatusOr<std::shared_ptr<const Prepared>> Prepare(const Key& key,
                                                          const Allocator& allocator) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int64_t in_;
  const int64_t out_;
  const DType compute_;
  mutable absl::Mutex mutex_;
  mutable WeightLayouts layouts_ ABSL_GUARDED_BY(mutex_);
  mutable std::map<Key, std::shared_ptr<const Prepared>> prepared_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_PLAIN_LINEAR_H_
