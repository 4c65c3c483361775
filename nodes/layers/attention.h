#ifndef WEFT_NODES_LAYERS_ATTENTION_H_
#define WEFT_NODES_LAYERS_ATTENTION_H_

#include <vector>

#include "nodes/layers/linear.h"
#include "runtime/ops/ops.h"

namespace weft {

// What a checkpoint calls the four matrices of an attention.
struct AttentionNames {
  absl::string_view query, key, value, out;
};
inline constexpr AttentionNames kDiffusersAttention{"to_q", "to_k", "to_v", "to_out.0"};
// Autoencoders saved before diffusers 0.13 (SD 1.x's own files among them).
inline constexpr AttentionNames kOldDiffusersAttention{"query", "key", "value", "proj_attn"};
inline constexpr AttentionNames kClipAttention{"q_proj", "k_proj", "v_proj", "out_proj"};

struct AttentionConfig {
  int64_t width = 0;  // of the rows that go in and come out
  int64_t heads = 1;
  int64_t head_width = 0;
  Linear::Bias bias = Linear::Bias::kNo;  // of query, key and value; the output has one always
  bool causal = false;

  int64_t inner() const { return heads * head_width; }
};

// out(softmax(q·kᵀ / sqrt(head width))·v) + residual, with q, k, v from the same rows.
class SelfAttention {
 public:
  SelfAttention(const Scope& scope, const AttentionNames& names, const AttentionConfig& config);
  Tensor operator()(Ops& ops, Tensor x, Tensor residual) const;
  Reader reader() const { return ReaderOf(query_key_value_.weights); }  // of x

 private:
  AttentionConfig config_;
  Linear query_key_value_;
  Linear out_;
};

// The keys and values that cross-attentions look at: computed once for a text, used in every
// step. The rows of a batch fall into as many equal shares as there are segments, and each share
// into equal parts for the rows of its segment; so two prompts of different lengths, or one
// prompt for several pictures, need neither padding nor copies.
struct CrossContext {
  using Segments = std::vector<Tensor>;  // [batch, tokens, keys | values]
  std::vector<Segments> layers;          // by CrossAttention::index
};

// The same, with k and v from the rows of a text.
class CrossAttention {
 public:
  // `index`: its place in CrossContext.
  CrossAttention(const Scope& scope, const AttentionNames& names, const AttentionConfig& config,
                 int64_t context_width, int64_t index);

  // text [batch, tokens, context width] → [batch, tokens, keys | values]
  Tensor KeysAndValues(Ops& ops, const Tensor& text) const;
  // x [batch, rows, width]
  Tensor operator()(Ops& ops, Tensor x, const CrossContext& context, Tensor residual) const;

  int64_t index() const { return index_; }
  Reader reader() const { return ReaderOf(query_.weights); }  // of x

 private:
  Tensor Attend(Ops& ops, const Tensor& query, const Tensor& keys_and_values) const;

  AttentionConfig config_;
  int64_t index_;
  Linear query_;
  Linear key_value_;
  Linear out_;
};

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_ATTENTION_H_
