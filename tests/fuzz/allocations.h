#ifndef WEFT_TESTS_FUZZ_ALLOCATIONS_H_
#define WEFT_TESTS_FUZZ_ALLOCATIONS_H_

#include <cstddef>

namespace weft {

// What a program has taken by operator new and aligned_alloc, which is where containers and
// tensors get their memory. A program counts where allocations.cc is linked in.
void StartCounting();    // from what is alive now
size_t MostAllocated();  // bytes beyond it, at the highest

}  // namespace weft

#endif  // WEFT_TESTS_FUZZ_ALLOCATIONS_H_
