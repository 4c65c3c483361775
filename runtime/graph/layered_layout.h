#ifndef WEFT_RUNTIME_GRAPH_LAYERED_LAYOUT_H_
#define WEFT_RUNTIME_GRAPH_LAYERED_LAYOUT_H_

#include <vector>

namespace weft {

// Places boxes in layers from left to right so that wires run one way, are short and cross little
// (after Sugiyama, Tagawa and Toda 1981). The same input gives the same picture.

struct LayoutPoint {
  double x = 0;
  double y = 0;
};

struct LayoutBox {
  double width = 0;
  double height = 0;
  enum class Side { kFree, kFirst, kLast };
  Side side = Side::kFree;  // kFirst, kLast: alone at that edge of the picture
  double x = 0;             // set by Place: the left upper corner
  double y = 0;
};

// Leaves `from` at its right edge, `from_y` below its top; enters `to` at its left edge.
struct LayoutWire {
  int from = 0;
  int to = 0;
  double from_y = 0;
  double to_y = 0;
  std::vector<LayoutPoint> path;  // set by Place: from port to port, level at every point
};

struct LayeredLayout {
  std::vector<LayoutBox> boxes;
  std::vector<LayoutWire> wires;
  double row_gap = 18;     // between boxes of a layer
  double column_gap = 56;  // between layers
  double width = 0;        // set by Place
  double height = 0;

  void Place();
};

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_LAYERED_LAYOUT_H_
