#ifndef WEFT_NODES_SAMPLING_STEP_H_
#define WEFT_NODES_SAMPLING_STEP_H_

#include <cstdint>
#include <memory>

#include "runtime/graph/port.h"

namespace weft {

// One call of the model. The timestep alone does not tell which (Heun and PNDM repeat some).
struct Step : RecordPort {
  static constexpr absl::string_view kTypeName = "step";

  int64_t index = 0;    // in the schedule of all steps, also where a run begins late
  double timestep = 0;  // what the model is told
  double sigma = 0;     // noise over signal at this step
  // Noise over signal of the latent that the model sees, where a solver of second order looks from
  // half way (KDPM2, DPMSolverSDE); else the same.
  double model_sigma = 0;
  int64_t inference_step = 0;        // which of the num_inference_steps it belongs to
  int64_t num_inference_steps = 0;   // of a full run; 0 where nobody has said
  std::shared_ptr<const Step> next;  // the step after it, itself without a next; null at the end

  // A record that lacks a field gives index -1, which no scheduler takes.
  static Step From(const Record& record);
  // These fields, model_sigma where it differs; next is null at the end.
  Record To() const;
};

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_STEP_H_
