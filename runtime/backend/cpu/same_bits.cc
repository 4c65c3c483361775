#include "runtime/backend/cpu/same_bits.h"

#include <omp.h>

#include <cstddef>
#include <cstring>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "runtime/backend/cpu/onednn.h"

namespace weft::cpu {
namespace {

using Desc = dnnl::memory::desc;

// Noise in -1/2 .. 1/2, the same for the same seed.
dnnl::memory Noise(const Desc& desc, uint32_t seed) {
  dnnl::memory memory(desc, Engine());
  const size_t bytes = desc.get_size();
  auto* data = static_cast<std::byte*>(memory.get_data_handle());
  const bool bf16 = desc.get_data_type() == dnnl::memory::data_type::bf16;
  const size_t size = bf16 ? sizeof(BF16) : sizeof(float);
  for (size_t i = 0; i + size <= bytes; i += size) {
    seed = seed * 1664525u + 1013904223u;
    const float value = static_cast<float>(seed >> 8) / 16777216.0f - 0.5f;
    if (bf16) {
      const BF16 rounded = ToBF16(value);
      std::memcpy(data + i, &rounded, size);
    } else {
      std::memcpy(data + i, &value, size);
    }
  }
  return memory;
}

// The same extents, row by row.
Desc RowMajor(const Desc& desc) {
  const dnnl::memory::dims dims = desc.get_dims();
  dnnl::memory::dims strides(dims.size(), 1);
  for (size_t i = dims.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * dims[i];
  return Desc(dims, desc.get_data_type(), strides);
}

// What the primitive makes of noise.
dnnl::memory Trial(const dnnl::primitive_desc& described) {
  dnnl::stream stream(Engine());
  const Desc weights_desc = described.query_md(dnnl::query::weights_md, 0);
  dnnl::memory plain = Noise(RowMajor(weights_desc), 1);
  dnnl::memory weights(weights_desc, Engine());
  dnnl::reorder(plain, weights).execute(stream, plain, weights);
  // A residual may be in the output before.
  dnnl::memory output = Noise(described.query_md(dnnl::query::dst_md, 0), 2);
  std::unordered_map<int, dnnl::memory> arguments = {
      {DNNL_ARG_SRC, Noise(described.query_md(dnnl::query::src_md, 0), 3)},
      {DNNL_ARG_WEIGHTS, weights},
      {DNNL_ARG_DST, output},
      {DNNL_ARG_SCRATCHPAD,
       dnnl::memory(described.query_md(dnnl::query::scratchpad_md, 0), Engine())}};
  if (const Desc bias = described.query_md(dnnl::query::weights_md, 1); bias.get_size() > 0) {
    arguments.emplace(DNNL_ARG_BIAS, Noise(bias, 4));
  }
  const dnnl::post_ops post_ops = described.get_primitive_attr().get_post_ops();
  for (int i = 0; i < post_ops.len(); ++i) {
    if (post_ops.kind(i) != dnnl::primitive::kind::binary) continue;
    dnnl::algorithm algorithm;
    Desc operand;
    post_ops.get_params_binary(i, algorithm, operand);
    arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(i) | DNNL_ARG_SRC_1,
                      Noise(operand, 5 + static_cast<uint32_t>(i)));
  }
  dnnl::primitive(described).execute(stream, arguments);
  stream.wait();
  return output;
}

}  // namespace

TeamOf::TeamOf(int threads) : before_(omp_get_max_threads()) {
  if (threads != before_) omp_set_num_threads(threads);
}

TeamOf::~TeamOf() {
  if (omp_get_max_threads() != before_) omp_set_num_threads(before_);
}

int ThreadsWithTheBitsOfOne(int threads, absl::FunctionRef<dnnl::primitive_desc()> describe) {
  const auto trial = [&](int count) {
    const TeamOf team(count);
    return Trial(describe());
  };
  const dnnl::memory one = trial(1);
  for (; threads > 1; threads /= 2) {
    const dnnl::memory several = trial(threads);
    if (std::memcmp(several.get_data_handle(), one.get_data_handle(), one.get_desc().get_size()) ==
        0) {
      return threads;
    }
  }
  return 1;
}

int ThreadsWithTheBitsOfOne(const std::vector<int64_t>& key, int threads,
                            absl::FunctionRef<dnnl::primitive_desc()> describe) {
  if (threads <= 1) return threads;
  static absl::Mutex mutex(absl::kConstInit);
  static auto* known = new std::map<std::pair<std::vector<int64_t>, int>, int>;
  absl::MutexLock lock(&mutex);
  const auto found = known->find({key, threads});
  if (found != known->end()) return found->second;
  const int same = ThreadsWithTheBitsOfOne(threads, describe);
  known->emplace(std::make_pair(key, threads), same);
  return same;
}

}  // namespace weft::cpu
