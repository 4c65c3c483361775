#ifndef WEFT_NODES_TEXT_TOKENS_H_
#define WEFT_NODES_TEXT_TOKENS_H_

#include "runtime/graph/port.h"

namespace weft {

// Token ids, padded: [b, n] i32. n is the encoder's length, or a multiple of it where a long
// prompt was cut into chunks.
struct Tokens : TensorPort {
  static constexpr absl::string_view kTypeName = "tokens";
};

}  // namespace weft

#endif  // WEFT_NODES_TEXT_TOKENS_H_
