#ifndef WEFT_NODES_TEXT_PROMPT_H_
#define WEFT_NODES_TEXT_PROMPT_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "nodes/text/step_range.h"
#include "nodes/text/token_weights.h"
#include "runtime/graph/value.h"

namespace weft {

// What the syntax of a prompt says about its tokens, for those who have encoded them: which rows
// belong together, and how much each token, and each text, counts. A plain prompt says nothing.
class Prompt : public Object {
 public:
  static constexpr absl::string_view kTypeName = "prompt";
  struct Text {
    int64_t first_row = 0;  // of the tokens; its chunks are rows of their own
    int64_t rows = 1;
    std::vector<float> token_weights;  // [rows · tokens of a row], or none: all are 1
    double weight = 1.0;
    StepRange steps;
  };

  Prompt() = default;  // plain
  Prompt(std::vector<Text> texts, TokenWeighting weighting, int64_t rows)
      : texts_(std::move(texts)), weighting_(weighting), rows_(rows) {}

  bool plain() const { return texts_.empty(); }
  const std::vector<Text>& texts() const { return texts_; }
  TokenWeighting weighting() const { return weighting_; }
  int64_t rows() const { return rows_; }  // of the tokens
  // The row of the text that says nothing, which some weightings look at: the last one.
  int64_t empty_row() const { return rows_ - 1; }
  absl::string_view type_name() const override { return kTypeName; }

 private:
  std::vector<Text> texts_;
  TokenWeighting weighting_ = TokenWeighting::kKeepMean;
  int64_t rows_ = 0;
};

}  // namespace weft

#endif  // WEFT_NODES_TEXT_PROMPT_H_
