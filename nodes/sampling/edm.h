#ifndef WEFT_NODES_SAMPLING_EDM_H_
#define WEFT_NODES_SAMPLING_EDM_H_

#include "nodes/sampling/latent_math.h"
#include "nodes/sampling/scheduler.h"
#include "nodes/sampling/scheduler_options.h"

namespace weft {

// The preconditioning of Karras et al. 2022 (arXiv 2206.00364, table 1, "ours"), for latents
// clean + sigma·noise with clean ones of standard deviation d = sigma_data.

// The model's input is the latent times 1 / √(sigma² + d²).
double EdmInputScale(const SchedulerOptions& options, double sigma);
// What the first noise of a run is multiplied with.
double EdmNoiseScale(const SchedulerOptions& options);
// clean = d²/(sigma² + d²) x ± sigma d/√(sigma² + d²) output; minus for v_prediction.
Tensor EdmClean(LatentMath& math, const SchedulerOptions& options, const Tensor& output,
                const Tensor& latent, double sigma);
// Levels from sigma_max to sigma_min; the model is told ln(sigma) / 4.
Schedule EdmSchedule(const SchedulerOptions& options, int64_t count);

// The defaults and the options of EDM schedulers; `own` ones come after.
SchedulerOptions EdmDefaults();
std::vector<OptionUse> EdmOptions(std::vector<OptionUse> own);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_EDM_H_
