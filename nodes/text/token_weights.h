#ifndef WEFT_NODES_TEXT_TOKEN_WEIGHTS_H_
#define WEFT_NODES_TEXT_TOKEN_WEIGHTS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace weft {

// How the weight w of a token changes its hidden state h.
enum class TokenWeighting : uint8_t {
  kKeepMean,     // w·h, then all states of the chunk times mean(h) / mean(w·h): AUTOMATIC1111
  kMultiply,     // w·h: AUTOMATIC1111's "No norm"
  kInterpolate,  // e + w·(h - e), e being the state of the empty text at this place: ComfyUI, and
                 // compel for weights above 1
};
inline constexpr absl::string_view kTokenWeightingNames[] = {"keep_mean", "multiply",
                                                             "interpolate"};
TokenWeighting TokenWeightingFromName(absl::string_view name);  // one of those

// The hidden states of one chunk, [tokens, width], weighted where they lie. `empty`: those of the
// empty text, for kInterpolate.
void WeightTokens(absl::Span<float> states, absl::Span<const float> weights, const float* empty,
                  TokenWeighting weighting);

}  // namespace weft

#endif  // WEFT_NODES_TEXT_TOKEN_WEIGHTS_H_
