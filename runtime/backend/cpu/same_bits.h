#ifndef WEFT_RUNTIME_BACKEND_CPU_SAME_BITS_H_
#define WEFT_RUNTIME_BACKEND_CPU_SAME_BITS_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace weft::cpu {

// Sets the size of this thread's OpenMP team for a while.
class TeamOf {
 public:
  explicit TeamOf(int threads);
  ~TeamOf();
  TeamOf(const TeamOf&) = delete;
  TeamOf& operator=(const TeamOf&) = delete;

 private:
  const int before_;
};

// Some primitives of oneDNN sum in an order that depends on the number of threads: convolutions
// with little work block the input channels by it, and matrix products without AVX-512 may share
// one sum out. Such a primitive is tried out on noise before its first use: returns the largest of
// threads, threads / 2, … 1 that gives the bits that one thread gives. `describe` describes the
// primitive for the team that is set.
int ThreadsWithTheBitsOfOne(int threads, absl::FunctionRef<dnnl::primitive_desc()> describe);

// Remembers what was found out for equal primitives; `key` says all that makes two equal.
int ThreadsWithTheBitsOfOne(const std::vector<int64_t>& key, int threads,
                            absl::FunctionRef<dnnl::primitive_desc()> describe);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_SAME_BITS_H_
