#ifndef WEFT_RUNTIME_GRAPH_DRAW_H_
#define WEFT_RUNTIME_GRAPH_DRAW_H_

#include <string>

#include "runtime/graph/composites.h"
#include "runtime/graph/registry.h"

namespace weft {

// The graph as an SVG picture: nodes from left to right with the ports that are in use, wires in
// the colour of what they carry, bodies of loops inside their loop. Needs no fonts or scripts. The
// same graph gives the same text; a graph with mistakes is drawn as far as it goes.
std::string DrawSvg(const GraphDef& graph, const Registry& registry, Composites& composites);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_DRAW_H_
