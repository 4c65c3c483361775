#include "nodes/sampling/denoiser_network.h"

#include "nodes/text/step_range.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/int8_table.h"

namespace weft {
namespace {

bool InInt8(const Unet& unet, const Denoiser::Question& question) {
  const std::shared_ptr<const Int8Table>& table = unet.store()->int8();
  if (table == nullptr) return false;
  const StepRange steps{.first_share = table->first_share, .last_share = table->last_share};
  return question.num_inference_steps == 0 ||
         steps.Holds(question.inference_step, question.num_inference_steps);
}

}  // namespace

Tensor RunUnet(Ops& ops, const Unet& unet, absl::Span<const Tensor> pictures,
               const Denoiser::Question& question, const UnetCondition& condition,
               const std::vector<int64_t>& told) {
  const UnetNetwork& network = unet.network();
  ops.BeginNetwork(unet.store(), InInt8(unet, question));
  UnetShortcuts shortcuts{.merging = question.merging};
  DeepCache* cache = question.cache;
  if (cache == nullptr || cache->interval <= 1) {
    if (cache != nullptr) cache->kept.reset();
    return network(ops, pictures, question.timestep, condition, shortcuts);
  }
  if (cache->branch < 0 || cache->branch >= network.skips()) {
    ops.Fail(Invalid("\"cache_branch\" is ", cache->branch, "; this network has ", network.skips(),
                     " skip connections, 0 to ", network.skips() - 1));
    return {};
  }
  UnetCut cut{.skips = static_cast<size_t>(cache->branch) + 1};
  cut.reused = Serves(*cache, told);
  const int64_t age = cut.reused ? cache->kept->age + 1 : 0;
  if (cut.reused) cut.features = cache->kept->features;
  cache->kept.reset();  // a whole run needs the memory
  shortcuts.cut = &cut;
  Tensor noise = network(ops, pictures, question.timestep, condition, shortcuts);
  DeepFeatures& kept = cache->kept.emplace();
  kept.age = age;
  kept.branch = cache->branch;
  kept.told = told;
  kept.features = cut.features;
  return noise;
}

}  // namespace weft
