#include "runtime/backend/cpu/plain_linear.h"

#include <omp.h>

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "runtime/backend/cpu/same_bits.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

Desc Matrix(int64_t rows, int64_t columns, dnnl::memory::data_type type) {
  return Desc({rows, columns}, type, Tag::ab);
}

}  // namespace

absl::Status PlainLinear::Pack(int64_t rows, const Allocator& allocator) const {
  Key key{};
  key.rows = rows;
  key.threads = omp_get_max_threads();
  absl::MutexLock lock(&mutex_);
  return Prepare(key, allocator).status();
}

absl::Status PlainLinear::Run(const Product& product, const Allocator& allocator) const {
  const Key key{product.rows,
                product.activation,
                product.residual,
                product.bias != nullptr,
                product.addend != nullptr,
                product.factor != nullptr,
                omp_get_max_threads()};
  std::shared_ptr<const Prepared> prepared;
  {
    absl::MutexLock lock(&mutex_);
    WEFT_ASSIGN_OR_RETURN(prepared, Prepare(key, allocator));
  }
  Arguments arguments;
  arguments.emplace(DNNL_ARG_SRC, MemoryOf(prepared->source, product.x));
  arguments.emplace(DNNL_ARG_DST, MemoryOf(prepared->destination, product.output));
  if (key.bias) {
    arguments.emplace(DNNL_ARG_BIAS,
                      MemoryOf(Matrix(1, out_, dnnl::memory::data_type::f32), product.bias));
  }
  int position = 0;  // among the post-operations
  if (key.addend) {
    arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(position++) | DNNL_ARG_SRC_1,
                      MemoryOf(prepared->destination, product.addend));
  }
  if (key.activation != Activation::kNone) ++position;
  if (key.factor) {
    arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(position++) | DNNL_ARG_SRC_1,
                      MemoryOf(prepared->destination, product.factor));
  }
  if (key.residual == ResidualMode::kSeparate) {
    arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(position++) | DNNL_ARG_SRC_1,
                      MemoryOf(prepared->destination, product.separate));
  }
  return Execute(*prepared, std::move(arguments), allocator);
}

absl::StatusOr<std::shared_ptr<const Prepared>> PlainLinear::Prepare(
    const Key& key, const Allocator& allocator) const {
  auto& known = prepared_[key];
  if (known != nullptr) return known;
  const auto type = OneDnnType(compute_);
  const Desc source = Matrix(key.rows, in_, type);
  const Desc target = Matrix(key.rows, out_, type);
  const Desc bias = key.bias ? Matrix(1, out_, dnnl::memory::data_type::f32) : Desc();
  dnnl::post_ops post_ops;
  if (key.addend) post_ops.append_binary(dnnl::algorithm::binary_add, target);
  AppendActivation(key.activation, post_ops);
  if (key.factor) post_ops.append_binary(dnnl::algorithm::binary_mul, target);
  if (key.residual == ResidualMode::kInPlace) post_ops.append_sum(1.0f);
  if (key.residual == ResidualMode::kSeparate) {
    post_ops.append_binary(dnnl::algorithm::binary_add, target);
  }
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attr.set_post_ops(post_ops);
  const auto describe = [&](const Desc& weights, bool allow_empty) {
    return dnnl::matmul::primitive_desc(Engine(), source, weights, bias, target, attr, allow_empty);
  };
  // The layout that was packed first will nearly always do.
  dnnl::matmul::primitive_desc described;
  bool have = false;
  if (!layouts_.layouts().empty()) {
    described = describe(layouts_.layouts()[0].desc, true);
    have = described && !IsReference(described.impl_info_str());
  }
  const Desc any({in_, out_}, type, Tag::any);
  if (!have) described = describe(any, false);
  int threads = key.threads;
  // Without AVX-512, products are those of a general routine that may share one sum out.
  if (absl::StrContains(described.impl_info_str(), "gemm")) {
    const Desc layout = described.weights_desc();
    const std::vector<int64_t> equal = {static_cast<int64_t>(compute_),
                                        in_,
                                        out_,
                                        key.rows,
                                        static_cast<int64_t>(key.activation),
                                        static_cast<int64_t>(key.residual),
                                        key.bias,
                                        key.addend,
                                        key.factor};
    threads = ThreadsWithTheBitsOfOne(equal, threads, [&] { return describe(layout, false); });
  }
  const TeamOf team(threads);
  if (threads != key.threads) described = describe(described.weights_desc(), false);
  auto prepared = std::make_shared<Prepared>();
  WEFT_ASSIGN_OR_RETURN(prepared->weight, layouts_.In(described.weights_desc(), allocator));
  prepared->primitive = dnnl::matmul(described);
  prepared->source = source;
  prepared->destination = target;
  prepared->scratchpad = described.scratchpad_desc();
  prepared->threads = threads;
  known = prepared;
  return known;
}

}  // namespace weft::cpu
