#include "runtime/exec/process_memory.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/tensor/large_blocks.h"

namespace weft {

size_t ResidentBytes() {
  size_t total = 0;
  size_t resident = 0;  // in pages
  std::ifstream statm("/proc/self/statm");
  if (!(statm >> total >> resident)) return PeakResidentBytes();
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

size_t PeakResidentBytes() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<size_t>(usage.ru_maxrss) * 1024;  // Linux counts in KiB
}

void ReleaseFreedMemory() {
  DropFreeBlocks();
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

std::string BytesText(size_t bytes) {
  const double megabytes = static_cast<double>(bytes) / 1e6;
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  if (megabytes < 0.1) return absl::StrFormat("%.1f kB", static_cast<double>(bytes) / 1e3);
  if (megabytes < 1000) return absl::StrFormat("%.1f MB", megabytes);
  return absl::StrFormat("%.2f GB", megabytes / 1000);
}

}  // namespace weft
