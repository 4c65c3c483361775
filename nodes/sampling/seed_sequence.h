#ifndef WEFT_NODES_SAMPLING_SEED_SEQUENCE_H_
#define WEFT_NODES_SAMPLING_SEED_SEQUENCE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace weft {

// The words that numpy.random.SeedSequence(entropy, spawn_key=keys, pool_size=pool)
// .generate_state(count) gives (M. O'Neill, "Developing a seed_seq alternative", 2015): seeds that
// stay far apart however close entropies and keys lie.
std::vector<uint32_t> SeedSequence(uint64_t entropy, absl::Span<const uint64_t> keys, size_t pool,
                                   size_t count);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_SEED_SEQUENCE_H_
