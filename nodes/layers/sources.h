#ifndef WEFT_NODES_LAYERS_SOURCES_H_
#define WEFT_NODES_LAYERS_SOURCES_H_

#include <utility>

#include "runtime/ops/ops.h"

namespace weft {

// Lists made by moving: a braced list would keep a second reference to each tensor until the call
// is over, and no kernel could work in place.
inline Sources OneSource(Tensor x) {
  Sources sources;
  sources.push_back(std::move(x));
  return sources;
}
inline Sources SideBySide(Tensor x, Tensor y) {
  Sources sources = OneSource(std::move(x));
  sources.push_back(std::move(y));
  return sources;
}

}  // namespace weft

#endif  // WEFT_NODES_LAYERS_SOURCES_H_
