#ifndef WEFT_NODES_TEXT_CONDITIONING_H_
#define WEFT_NODES_TEXT_CONDITIONING_H_

#include <optional>
#include <utility>
#include <vector>

#include "nodes/text/step_range.h"
#include "runtime/graph/value.h"

namespace weft {

// What a UNet is told to draw: entries that each hold for some steps and some of the picture.
class Conditioning : public Object {
 public:
  static constexpr absl::string_view kTypeName = "conditioning";
  struct Entry {
    Tensor tokens;                       // [b, n, width] f32: the text encoder's hidden states
    Tensor pooled;                       // [b, pooled width] f32, or empty
    std::vector<double> sizes;           // SDXL's size and crop ids, or none
    std::optional<int64_t> class_label;  // of networks with num_class_embeds
    double weight = 1.0;                 // beside the other entries
    StepRange steps;                     // when it holds
    Tensor area;                         // where: [1, h, w, 1] f32 in 0..1, or empty: everywhere
  };

  explicit Conditioning(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  const std::vector<Entry>& entries() const { return entries_; }
  absl::string_view type_name() const override { return kTypeName; }
  Traits traits() const override {
    if (entries_.empty() || entries_[0].tokens.rank() != 3) return {};
    return {{"width", entries_[0].tokens.dim(2)}};
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace weft

#endif  // WEFT_NODES_TEXT_CONDITIONING_H_
