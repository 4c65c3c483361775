#ifndef WEFT_NODES_MODELS_UNET_BLOCKS_H_
#define WEFT_NODES_MODELS_UNET_BLOCKS_H_

#include <optional>
#include <vector>

#include "nodes/layers/resample.h"
#include "nodes/layers/resnet_block.h"
#include "nodes/layers/spatial_attention.h"
#include "nodes/layers/transformer_block.h"
#include "nodes/models/unet_config.h"

namespace weft {

// Where DeepCache (Ma et al. 2023, arXiv 2312.00858) cuts a network in two. The outer part has the
// first so many skip connections and the layers on both sides of them; `features` is what the deep
// part gives to the first layer behind it.
struct UnetCut {
  size_t skips = 0;
  // Of an earlier step, in the deep part's place; or empty: then it runs, and this is set.
  Tensor features;  // [b, h, w, c]
  bool reused = false;
};

// What every block of a step gets besides the picture.
struct UnetStep {
  Tensor time;  // [b, time_width], the activation already applied
  const CrossContext* context = nullptr;
  MergingStep merging;
  UnetCut* cut = nullptr;

  // Whether only the outer part runs, and all of it has been done on the way down.
  bool TurnsAt(size_t skips) const { return cut != nullptr && cut->reused && skips >= cut->skips; }
  // Whether the layer on the way up that takes the last of so many connections is left out.
  bool LeavesOut(size_t skips) const { return cut != nullptr && cut->reused && skips > cut->skips; }
};

// What binding a network's blocks goes through, from the first to the last.
struct UnetBuilder {
  const UnetConfig& config;
  std::vector<int64_t> skips;    // channels of the pictures kept for the way up
  int64_t channels = 0;          // of the picture at hand
  int64_t cross_attentions = 0;  // so far
};

// A resnet and what follows it on its level: nothing, attention over the pixels, or a transformer.
class UnetLayer {
 public:
  // `index` in the block's lists; `in` channels, skip connection included.
  UnetLayer(const Scope& scope, const UnetBlockConfig& block, int64_t index, int64_t in,
            UnetBuilder& builder);
  Tensor operator()(Ops& ops, Sources x, const UnetStep& step) const;  // [b, h, w, out]
  void AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const;

 private:
  ResnetBlock resnet_;
  std::optional<SpatialAttention> attention_;
  std::optional<SpatialTransformer> transformer_;
};

// One level on the way down: keeps what the way up will need.
class UnetDownBlock {
 public:
  UnetDownBlock(const Scope& scope, const UnetBlockConfig& block, bool last, UnetBuilder& builder);
  Tensor operator()(Ops& ops, Tensor x, const UnetStep& step, std::vector<Tensor>& skips) const;
  void AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const;

 private:
  std::vector<UnetLayer> layers_;
  std::optional<Downsample> down_;
};

// A resnet, and where it has attention that and another resnet.
class UnetMiddleBlock {
 public:
  UnetMiddleBlock(const Scope& scope, const UnetBlockConfig& block, UnetBuilder& builder);
  Tensor operator()(Ops& ops, Tensor x, const UnetStep& step) const;
  void AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const;

 private:
  UnetLayer first_;
  std::optional<ResnetBlock> second_;
};

// One level on the way up, from the cut on where only the outer part runs: each layer takes the
// last skip connection beside the picture, and the picture grows to the size of the next.
class UnetUpBlock {
 public:
  UnetUpBlock(const Scope& scope, const UnetBlockConfig& block, bool last, UnetBuilder& builder);
  Tensor operator()(Ops& ops, Tensor x, const UnetStep& step, std::vector<Tensor>& skips) const;
  void AddSegment(Ops& ops, const Tensor& text, CrossContext& context) const;

 private:
  size_t skips_ = 0;  // that are left when the block begins
  std::vector<UnetLayer> layers_;
  std::vector<int64_t> widths_;  // of what comes in beside a skip connection, by layer
  std::optional<Upsample> up_;
};

}  // namespace weft

#endif  // WEFT_NODES_MODELS_UNET_BLOCKS_H_
