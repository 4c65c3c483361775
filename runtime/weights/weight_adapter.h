#ifndef WEFT_RUNTIME_WEIGHTS_WEIGHT_ADAPTER_H_
#define WEFT_RUNTIME_WEIGHTS_WEIGHT_ADAPTER_H_

#include "absl/status/status.h"
#include "runtime/weights/weight.h"

namespace weft {

// A matrix [rows, columns], or the weight of a convolution read as one, columns = in·k·k: whole, or
// as a product.
struct AdapterMatrix {
  Weight whole;  // or, where it is empty:
  Weight up;     // [rows, rank], or [rank, rows] where up_is_transposed
  Weight down;   // [rank, columns], or [rank, in] where there is a core
  Weight core;   // [rank of up, rank of down, k, k]: Tucker's decomposition; or empty
  bool up_is_transposed = false;

  bool empty() const { return whole.empty() && up.empty(); }
  bool is_product() const { return !up.empty(); }
  int64_t rank() const;  // of a product; 0 where it is whole
};

// What a small file adds to one weight of a model:
//   W' = W + scale · Δ,                         or with a magnitude (DoRA, Liu et al. 2024)
//   W' = magnitude · (W + scale · Δ) / ‖W + scale · Δ‖
// where the norm goes over each row of W', or over all that belongs to one of its inputs.
struct WeightAdapter {
  enum class Kind : uint8_t {
    kSum,        // Δ = first: LoRA (Hu et al. 2021), or a plain difference
    kHadamard,   // Δ = first ∘ second, elementwise: LoHa (Hyeon-Woo et al. 2022)
    kKronecker,  // Δ = first ⊗ second: LoKr (Yeh et al. 2023)
  };
  Kind kind = Kind::kSum;
  AdapterMatrix first;
  AdapterMatrix second;
  double scale = 1.0;
  Weight magnitude;  // one for each row, or for each input; or empty
  bool magnitude_of_inputs = false;
};

// An error that says which factor does not fit a weight of this shape.
absl::Status CheckAdapter(const WeightAdapter& adapter, const Shape& weight);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_WEIGHT_ADAPTER_H_
