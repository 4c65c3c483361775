#ifndef WEFT_NODES_SAMPLING_DENOISER_H_
#define WEFT_NODES_SAMPLING_DENOISER_H_

#include <cstdint>
#include <optional>

#include "nodes/layers/token_merging.h"
#include "nodes/sampling/deep_cache.h"
#include "runtime/graph/value.h"
#include "runtime/ops/ops.h"

namespace weft {

// A network bound to what it is to draw: it answers what the noise of a latent is. Guidance makes
// one; other ways to guide are other nodes that make one.
class Denoiser : public Object {
 public:
  static constexpr absl::string_view kTypeName = "denoiser";

  struct Question {
    Tensor latent;    // [b, c, h, w] f32, scaled as the network wants it
    Tensor channels;  // [b, c', h, w] f32 beside it, or empty
    double timestep = 0;
    // Where in a run it is; of 0 steps: nobody knows.
    int64_t inference_step = 0;
    int64_t num_inference_steps = 0;
    std::optional<double> guidance_scale;  // in place of the one it was bound with
    TokenMerging merging;
    // Read, and written for the next step; null: the whole network runs.
    DeepCache* cache = nullptr;
  };
  // [b, c, h, w] f32.
  virtual absl::StatusOr<Tensor> Predict(Ops& ops, const Question& question) const = 0;

  virtual int64_t in_channels() const = 0;   // of latent and channels together
  virtual int64_t out_channels() const = 0;  // of the answer
  virtual DType ComputeOr(DType of_the_run) const = 0;

  absl::string_view type_name() const override { return kTypeName; }
  Traits traits() const override {
    return {{"in_channels", in_channels()}, {"out_channels", out_channels()}};
  }
};

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_DENOISER_H_
