#ifndef WEFT_RUNTIME_BACKEND_CPU_INT8_WEIGHTS_H_
#define WEFT_RUNTIME_BACKEND_CPU_INT8_WEIGHTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/backend/cpu/onednn.h"
#include "runtime/tensor/int8_input.h"

namespace weft::cpu {

// A weight in 8 bits, with one scale for each output channel, in the layouts that primitives have
// asked for. The scales of the input are in the weight, and its zeros in the bias:
//   Σ w·x ≈ scale[o] · Σ code[o]·(q - zero) = scale[o] · Σ code[o]·q - offset[o]
// so that a product of codes needs one factor and one bias for each output channel. Not safe for
// several threads at once until it has been packed.
class Int8Weights {
 public:
  // `dims` of the weight as oneDNN sees it.
  Int8Weights(dnnl::memory::dims dims, WeightAxes axes) : dims_(std::move(dims)), axes_(axes) {}

  // Makes codes of `rows`, with `bias` (f32 [out], or null), in the layout `desc`.
  absl::Status Pack(const StoredRows& rows, const Int8Input& input, const float* bias,
                    const dnnl::memory::desc& desc, const Allocator& allocator);
  // The packed weight in the layout `desc`, reordered if need be.
  absl::StatusOr<WeightLayouts::Layout> In(const dnnl::memory::desc& desc,
                                           const Allocator& allocator);
  // Any layout, for a primitive to choose one.
  dnnl::memory::desc Any() const;

  const float* scales() const { return scales_.data<float>(); }  // [out]
  const float* bias() const { return bias_.data<float>(); }      // [out], offsets taken off

 private:
  dnnl::memory::dims dims_;
  WeightAxes axes_;
  Tensor scales_, bias_;
  std::vector<WeightLayouts::Layout> layouts_;
};

// The arguments for a primitive that multiplies codes: the scales of the weight.
void AddScales(const Int8Weights& weights, int64_t out, Arguments& arguments);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_INT8_WEIGHTS_H_
