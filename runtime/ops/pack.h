#ifndef WEFT_RUNTIME_OPS_PACK_H_
#define WEFT_RUNTIME_OPS_PACK_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/ops/ops.h"

namespace weft {

// Scale and shift of a norm in f32; empty where the norm has none.
struct PackedNorm : Packed {
  Tensor gamma;
  Tensor beta;
};

// Who packs, for whom.
struct Packer {
  Backend& backend;
  DType compute;
  const Allocator& allocator;
  const std::shared_ptr<KeepBudget>& keep;  // null: all is kept
};

// The packed weights of a layer, made at the first use, or for each where the budget cannot keep
// them; `int8`: in 8 bits, for its Int8Input. A dry run reads no data.
absl::StatusOr<std::shared_ptr<const Packed>> PackedConvOf(const ConvWeights& conv,
                                                           absl::Span<const Tensor> sources,
                                                           bool int8, const Packer& packer);
absl::StatusOr<std::shared_ptr<const Packed>> PackedLinearOf(const LinearWeights& linear,
                                                             const Tensor& x, bool int8,
                                                             const Packer& packer);
// Where packing found a value that is NaN or infinite, the error that tells which it is.
absl::Status Located(absl::Status status, absl::Span<const Weight> weights);
absl::StatusOr<std::shared_ptr<const PackedNorm>> PackedNormOf(const NormWeights& norm,
                                                               const Packer& packer);

}  // namespace weft

#endif  // WEFT_RUNTIME_OPS_PACK_H_
