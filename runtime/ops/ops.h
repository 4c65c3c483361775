#ifndef WEFT_RUNTIME_OPS_OPS_H_
#define WEFT_RUNTIME_OPS_OPS_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/backend/backend.h"
#include "runtime/ops/packed_slot.h"
#include "runtime/weights/weight.h"

namespace weft {

struct LiveConv;    // live_adapters.h
struct LiveLinear;  // live_adapters.h
class WeightStore;  // weight_store.h

// Weights of one convolution / linear layer / norm, bound by name, packed at first use.
struct ConvWeights {
  ConvSpec spec;
  Weight weight;  // [out, in, k, k]
  Weight bias;    // [out] or none
  PackedSlot slot;
  std::shared_ptr<const LiveConv> live;   // adapters computed beside it, or null
  std::string layer;                      // "down_blocks.0.resnets.0.conv1"
  std::shared_ptr<const Int8Input> int8;  // how its input may be told in 8 bits, or null
  PackedSlot int8_slot;
};
struct LinearWeights {
  int64_t in = 0;
  int64_t out = 0;  // rows of the weight; a gated layer gives half as many
  bool gated = false;
  // One matrix, or several with the same input, stacked in this order (merged q, k, v).
  absl::InlinedVector<Weight, 3> weights;  // [out_i, in], or [out_i, in, 1, 1] (a 1×1 convolution)
  absl::InlinedVector<Weight, 3> biases;   // [out_i] each, or none at all
  PackedSlot slot;
  std::shared_ptr<const LiveLinear> live;  // adapters computed beside it, or null
  std::string layer;  // "mid_block.attentions.0.proj_in"; the first one's of merged matrices
  std::shared_ptr<const Int8Input> int8;  // how its input may be told in 8 bits, or null
  PackedSlot int8_slot;
};
struct NormWeights {
  int64_t channels = 0;
  float eps = 1e-5f;
  Weight gamma;  // [channels], or none for ones
  Weight beta;   // [channels], or none for zeros
  PackedSlot slot;
};

// The layer that reads what a norm gives: a norm may tell it in the codes that the layer wants.
struct Reader {
  const Int8Input* int8 = nullptr;  // null: it wants values
  const ConvSpec* conv = nullptr;   // null: a linear layer
};
Reader ReaderOf(const ConvWeights& conv);
Reader ReaderOf(const LinearWeights& linear);

using Sources = absl::InlinedVector<Tensor, 2>;

// What a network is written in. Every method checks shapes, then calls the backend. The first
// error sticks: it is kept, and every later operation returns an empty tensor at once, so that a
// forward pass reads like its paper and whoever called it asks once, with Finish(). Cancelling is
// such an error (CANCELLED). One Ops serves one forward pass at a time.
class Ops {
 public:
  // `keep`: what of the packed weights may be kept; null: all.
  Ops(Backend& backend, const Allocator& allocator, DType compute,
      const std::atomic<bool>* cancelled = nullptr, std::shared_ptr<KeepBudget> keep = nullptr)
      : backend_(backend),
        allocator_(allocator),
        compute_(compute),
        cancelled_(cancelled),
        keep_(std::move(keep)) {}

  Backend& backend() const { return backend_; }
  const Allocator& allocator() const { return allocator_; }
  DType compute() const { return compute_; }  // of activations: f32 or bf16
  // From here on layers are those of the network with these weights, and compute in 8 bits where
  // they have an Int8Input, `int8` says so and the device can. Where it does not, such layers are
  // packed anew for each use: they keep their weights in 8 bits, for other steps, alone.
  void BeginNetwork(std::shared_ptr<const WeightStore> weights, bool int8);
  bool is_meta() const { return backend_.device() == Device::kMeta; }
  const absl::Status& status() const { return status_; }
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  // The result, or the error that stuck; clears it.
  absl::StatusOr<Tensor> Finish(Tensor result);

  // sources: NHWC, side by side in the channel axis. Returns [b, h', w', out].
  Tensor Conv2d(const ConvWeights& conv, Sources sources, Epilogue epilogue = {});
  // x [..., in] → [..., out]. NHWC pictures may be given as they are (a 1×1 convolution).
  Tensor Linear(const LinearWeights& linear, Tensor x, Epilogue epilogue = {});
  Tensor GroupNorm(const NormWeights& norm, Sources sources, int64_t groups,
                   Activation activation = Activation::kNone, Reader reader = {});
  Tensor LayerNorm(const NormWeights& norm, Tensor x, Reader reader = {});
  Tensor Attention(const Columns& q, const Columns& k, const Columns& v, const AttentionSpec& spec);
  Tensor Activate(Tensor x, Activation activation);
  Tensor Add(Tensor x, const Tensor& y);
  Tensor ToChannelsLast(const Tensor& x);   // [b, c, h, w] f32 → [b, h, w, c] compute
  Tensor ToChannelsFirst(const Tensor& x);  // [b, h, w, c] compute → [b, c, h, w] f32
  Tensor Reshape(const Tensor& x, Shape shape);
  // Rows chosen by ids plus `positions` [count, width] repeated for each batch: ids [b, count] i32
  // → [b, count, width] compute. `tables` [n_i, width] are counted through, the first one's rows
  // from 0.
  Tensor Embed(absl::Span<const Weight> tables, const Weight& positions, const Tensor& ids);
  // sin/cos features of a value, in f32 then cast: values (one a row) → [rows, width].
  // See diffusers' get_timestep_embedding.
  Tensor Sinusoid(absl::Span<const double> values, int64_t width, bool flip_sin_to_cos,
                  double frequency_shift);
  // One batch after another: [a, ...] and [b, ...] → [a + b, ...]; any type.
  Tensor Stack(absl::Span<const Tensor> batches);
  Tensor Rows(const Tensor& x, int64_t begin, int64_t end);
  Tensor Cast(const Tensor& x, DType dtype);
  // x on the device of this Ops: itself, or memory-less where this is a dry run.
  Tensor OnDevice(const Tensor& x);

 private:
  // y of the layers that stand beside a layer or a convolution; empty where there are none.
  Tensor LiveAddend(const LiveLinear& live, const Tensor& x);
  Tensor AddLive(const LiveConv& live, const Sources& sources, Tensor y);
  absl::StatusOr<Tensor> RunConv2d(const ConvWeights& conv, const Sources& sources,
                                   Epilogue epilogue);
  absl::StatusOr<Tensor> RunLinear(const LinearWeights& linear, const Tensor& x, Epilogue epilogue);
  // What may be kept of the weights of a layer that has, or has not, an Int8Input.
  const std::shared_ptr<KeepBudget>& KeepOf(const std::shared_ptr<const Int8Input>& int8) const {
    return between_int8_ && int8 != nullptr ? nothing_kept_ : keep_;
  }
  bool Proceed();  // false once an error sticks or the run was cancelled
  Tensor Keep(absl::StatusOr<Tensor> result);

  Backend& backend_;
  Allocator allocator_;
  DType compute_;
  const std::atomic<bool>* cancelled_;
  std::shared_ptr<KeepBudget> keep_;
  const std::shared_ptr<KeepBudget> nothing_kept_ = std::make_shared<KeepBudget>(0);
  std::shared_ptr<const WeightStore> weights_;  // of the network at hand, where it is known
  bool int8_ = false;
  bool between_int8_ = false;  // other steps of the run are in 8 bits
  absl::Status status_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_OPS_OPS_H_
