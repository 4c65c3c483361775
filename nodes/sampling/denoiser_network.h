#ifndef WEFT_NODES_SAMPLING_DENOISER_NETWORK_H_
#define WEFT_NODES_SAMPLING_DENOISER_NETWORK_H_

#include <vector>

#include "nodes/models/parts.h"
#include "nodes/sampling/denoiser.h"

namespace weft {

// The network's answer to a question, with the shortcuts that the question names: in 8 bits where
// its weights come with a table for that and the step is one of those that the table names; where
// nobody knows which step it is, it is. `told` says in numbers what the rows of the batch are told.
Tensor RunUnet(Ops& ops, const Unet& unet, absl::Span<const Tensor> pictures,
               const Denoiser::Question& question, const UnetCondition& condition,
               const std::vector<int64_t>& told);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_DENOISER_NETWORK_H_
