#include "nodes/sampling/denoiser_network.h"

#include "nodes/text/step_range.h"
#include "runtime/weights/int8_table.h"

namespace weft {

Tensor RunUnet(Ops& ops, const Unet& unet, absl::Span<const Tensor> pictures,
               const Denoiser::Question& question, const UnetCondition& condition) {
  bool int8 = false;
  if (const std::shared_ptr<const Int8Table>& table = unet.store()->int8(); table != nullptr) {
    const StepRange steps{.first_share = table->first_share, .last_share = table->last_share};
    int8 = question.num_inference_steps == 0 ||
           steps.Holds(question.inference_step, question.num_inference_steps);
  }
  ops.BeginNetwork(unet.store(), int8);
  return unet.network()(ops, pictures, question.timestep, condition);
}

}  // namespace weft
