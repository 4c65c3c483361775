#ifndef WEFT_RUNTIME_EXEC_PROCESS_MEMORY_H_
#define WEFT_RUNTIME_EXEC_PROCESS_MEMORY_H_

#include <cstddef>
#include <string>

namespace weft {

// What a run takes besides its tensors, packed weights and what the process held before it began:
// stacks of threads, the allocator's slack, what libraries allocate. Measured on the shipped graphs
// as `maximum resident set − weft plan's other figures`; calibrate it here and nowhere else.
inline constexpr size_t kWorkingBytes = 17'500'000;

size_t ResidentBytes();      // of this process now: code, libraries and heap
size_t PeakResidentBytes();  // the most so far

// Gives the pages of what has been freed back to the system.
void ReleaseFreedMemory();

// "12.3 MB" (10^6 bytes).
std::string BytesText(size_t bytes);

}  // namespace weft

#endif  // WEFT_RUNTIME_EXEC_PROCESS_MEMORY_H_
