#ifndef WEFT_TESTS_NODES_SAMPLING_DENOISERS_H_
#define WEFT_TESTS_NODES_SAMPLING_DENOISERS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nodes/models/parts.h"
#include "nodes/sampling/step.h"
#include "nodes/text/conditioning.h"
#include "runtime/base/rng.h"
#include "tests/nodes/models/run_node.h"

namespace weft {

NodeType PredictNoiseNode();

inline std::shared_ptr<const Unet> LoadUnet(const std::string& name) {
  return Unet::Load(GoldenFolder(name) + "/unet").value();
}

inline Value Wire(std::shared_ptr<const Object> object) { return Value(std::move(object)); }

inline Value Told(std::vector<Conditioning::Entry> entries) {
  return Wire(std::make_shared<const Conditioning>(std::move(entries)));
}
inline Value Says(Tensor tokens) {
  std::vector<Conditioning::Entry> entries(1);
  entries[0].tokens = std::move(tokens);
  return Told(std::move(entries));
}

inline Tensor Noise(Shape shape, uint64_t seed) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  Rng(seed).Normal(absl::MakeSpan(values));
  return MadeOf(std::move(shape), values);
}

// Step `index` of a run of `count`; of 0: a step that does not say where it is.
inline Value StepAt(double timestep, int64_t index = 0, int64_t count = 0) {
  Step step;
  step.timestep = timestep;
  step.inference_step = index;
  step.num_inference_steps = count;
  return Value(step.To());
}

// What PredictNoise answers with a denoiser that `guidance` has made.
inline absl::StatusOr<Tensor> Predict(const NodeType& guidance, const Values& inputs,
                                      Values question, const NodeRun& how = {}) {
  absl::StatusOr<Values> bound = RunNode(guidance, inputs, how);
  if (!bound.ok()) return bound.status();
  question["denoiser"] = bound->at("denoiser");
  absl::StatusOr<Values> outputs = RunNode(PredictNoiseNode(), question, how);
  if (!outputs.ok()) return outputs.status();
  return *outputs->at("noise").AsTensor();
}

}  // namespace weft

#endif  // WEFT_TESTS_NODES_SAMPLING_DENOISERS_H_
