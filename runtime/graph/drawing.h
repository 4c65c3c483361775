#ifndef WEFT_RUNTIME_GRAPH_DRAWING_H_
#define WEFT_RUNTIME_GRAPH_DRAWING_H_

#include <memory>
#include <string>
#include <vector>

#include "runtime/graph/composites.h"
#include "runtime/graph/layered_layout.h"
#include "runtime/graph/registry.h"

namespace weft {

// A graph as boxes and wires, between its definition and its picture.

struct Drawing;

struct DrawnPort {
  std::string label;
  Type type;
  bool wired = false;
  std::string note;  // a default, or the value of what no wire feeds
};

struct DrawnBox {
  enum class Kind {
    kNode,
    kComposite,
    kParams,   // of the graph
    kOutputs,  // of the graph
    kEntry,    // of a body: what comes in; its row i is input i of the box around it
    kExit,     // of a body: what goes out; its row i is output i of the box around it
    kBody      // a control node, or a branch of one: has boxes inside
  };
  Kind kind = Kind::kNode;
  std::string title;
  std::string subtitle;
  std::string doc;
  std::vector<DrawnPort> inputs;
  std::vector<DrawnPort> outputs;
  std::vector<std::string> literals;  // "name: value"
  std::unique_ptr<Drawing> inside;

  // Set by Arrange, relative to the drawing that holds the box.
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
  std::vector<double> input_y;  // of ports, below the box's top
  std::vector<double> output_y;
};

struct DrawnWire {
  int from = 0;
  int from_port = 0;
  int to = 0;
  int to_port = 0;
  Type type;
  std::vector<LayoutPoint> path;  // set by Arrange
};

struct Drawing {
  std::vector<DrawnBox> boxes;
  std::vector<DrawnWire> wires;
  double width = 0;  // set by Arrange
  double height = 0;
};

// What is wrong in the graph is left out, or drawn as far as it goes.
Drawing MakeDrawing(const GraphDef& graph, const Registry& registry, Composites& composites);

// Sizes and places everything.
void Arrange(Drawing& drawing);

// Geometry that the painter shares, in pixels.
inline constexpr double kHeaderHeight = 42;
inline constexpr double kRowHeight = 19;
inline constexpr double kLiteralHeight = 17;
inline constexpr double kBoxPadding = 12;
inline constexpr double kTitleSize = 13.5;
inline constexpr double kTextSize = 11.5;
inline constexpr double kBoldSize = 1.08 * kTitleSize;  // bold letters are wider

// About how wide `text` is in a sans-serif font of `size` pixels: pictures hold no fonts.
double TextWidth(absl::string_view text, double size);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_DRAWING_H_
