#ifndef WEFT_NODES_SAMPLING_DEEP_CACHE_H_
#define WEFT_NODES_SAMPLING_DEEP_CACHE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/graph/port.h"

namespace weft {

// What a step leaves to the next where DeepCache (Ma et al. 2023, arXiv 2312.00858) is on, as plain
// data: a saved one resumes the run bit for bit.
struct DeepFeatures : RecordPort {
  static constexpr absl::string_view kTypeName = "deep_features";

  int64_t age = 0;     // steps since the whole network ran
  int64_t branch = 0;  // the skip connection that it was cut at
  // What the rows of the batch were told, in the denoiser's own numbers: the features serve a step
  // that is told the same.
  std::vector<int64_t> told;
  Tensor features;  // [b, h, w, c] in the compute type, or empty: there are none

  static DeepFeatures From(const Record& record);
  Record To() const;
};

// How a question is to be answered with DeepCache, and what its steps hand on.
struct DeepCache {
  int64_t interval = 1;  // the whole network runs every so many steps
  int64_t branch = 0;
  std::optional<DeepFeatures> kept;  // of the step before; Predict puts its own in its place
};

// Whether a step with these rows may take the deep features of the steps before it.
bool Serves(const DeepCache& cache, const std::vector<int64_t>& told);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_DEEP_CACHE_H_
