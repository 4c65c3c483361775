#ifndef WEFT_NODES_TEXT_HIDDEN_STATES_H_
#define WEFT_NODES_TEXT_HIDDEN_STATES_H_

#include "runtime/graph/port.h"

namespace weft {

// What a text encoder gives, on wires of its own, for the exchange with other programs.
struct HiddenStates : TensorPort {
  static constexpr absl::string_view kTypeName = "tensor";
};

}  // namespace weft

#endif  // WEFT_NODES_TEXT_HIDDEN_STATES_H_
