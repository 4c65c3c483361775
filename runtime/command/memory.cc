#include "runtime/command/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

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

std::string BytesText(size_t bytes) {
  const double megabytes = static_cast<double>(bytes) / 1e6;
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  if (megabytes < 0.1) return absl::StrFormat("%.1f kB", static_cast<double>(bytes) / 1e3);
  if (megabytes < 1000) return absl::StrFormat("%.1f MB", megabytes);
  return absl::StrFormat("%.2f GB", megabytes / 1000);
}

std::string SecondsText(double seconds) {
  if (seconds < 0.095) return absl::StrFormat("%.0f ms", seconds * 1000);
  if (seconds < 9.95) return absl::StrFormat("%.1f s", seconds);
  const auto whole = static_cast<long>(std::lround(seconds));
  if (whole < 120) return absl::StrCat(whole, " s");
  return absl::StrFormat("%d min %02d s", whole / 60, whole % 60);
}

}  // namespace weft
