// Sizes boxes by their text, and places them and what is inside them.

#include <algorithm>
#include <utility>

#include "runtime/graph/drawing.h"

namespace weft {
namespace {

constexpr double kPortGap = 28;  // between input and output names of a row
constexpr double kNarrowestBox = 96;
constexpr double kBodyPadding = 16;

double Width(const DrawnPort& port) {
  return TextWidth(port.label, kTextSize) +
         (port.note.empty() ? 0 : 10 + TextWidth(port.note, kTextSize));
}

double WidestPort(const std::vector<DrawnPort>& ports) {
  double widest = 0;
  for (const DrawnPort& port : ports) widest = std::max(widest, Width(port));
  return widest;
}

void PlacePorts(size_t count, double top, std::vector<double>& into) {
  into.clear();
  for (size_t i = 0; i < count; ++i) {
    into.push_back(top + (static_cast<double>(i) + 0.5) * kRowHeight);
  }
}

void SizeBody(DrawnBox& box) {
  Arrange(*box.inside);
  const double header = TextWidth(box.title, kBoldSize) + TextWidth(box.subtitle, kTextSize) + 10;
  box.width = std::max({box.inside->width, header + 2 * kBoxPadding, kNarrowestBox});
  box.height = kHeaderHeight + box.inside->height + kBodyPadding;
  for (DrawnBox& inner : box.inside->boxes) {
    if (inner.kind == DrawnBox::Kind::kEntry) {
      for (const double y : inner.output_y) box.input_y.push_back(kHeaderHeight + inner.y + y);
    }
    if (inner.kind != DrawnBox::Kind::kExit) continue;
    // The exit stands at the box's edge, however wide the header made the box.
    const double shift = box.width - box.inside->width;
    inner.x += shift;
    for (size_t w = 0; w < box.inside->wires.size(); ++w) {
      DrawnWire& wire = box.inside->wires[w];
      if (&box.inside->boxes[static_cast<size_t>(wire.to)] == &inner) wire.path.back().x += shift;
    }
    for (const double y : inner.input_y) box.output_y.push_back(kHeaderHeight + inner.y + y);
  }
}

void Size(DrawnBox& box) {
  box.input_y.clear();
  box.output_y.clear();
  if (box.kind == DrawnBox::Kind::kBody) return SizeBody(box);
  const bool edge = box.kind == DrawnBox::Kind::kEntry || box.kind == DrawnBox::Kind::kExit;
  const bool table = box.kind == DrawnBox::Kind::kParams || box.kind == DrawnBox::Kind::kOutputs;
  const double header = edge ? 0 : (table ? kHeaderHeight - 12 : kHeaderHeight);
  const size_t rows = std::max(box.inputs.size(), box.outputs.size());
  PlacePorts(box.inputs.size(), header, box.input_y);
  PlacePorts(box.outputs.size(), header, box.output_y);
  double width = WidestPort(box.inputs) + WidestPort(box.outputs) + 2 * kBoxPadding;
  if (!box.inputs.empty() && !box.outputs.empty()) width += kPortGap;
  if (edge) {
    box.width = rows == 0 ? 0 : width;
    box.height = static_cast<double>(rows) * kRowHeight;
    return;
  }
  width = std::max(width, TextWidth(box.title, kBoldSize) + 2 * kBoxPadding);
  width = std::max(width, TextWidth(box.subtitle, kTextSize) + 2 * kBoxPadding);
  for (const std::string& literal : box.literals) {
    width = std::max(width, TextWidth(literal, kTextSize) + 2 * kBoxPadding);
  }
  box.width = std::max(width, kNarrowestBox);
  box.height = header + static_cast<double>(rows) * kRowHeight +
               static_cast<double>(box.literals.size()) * kLiteralHeight +
               (rows + box.literals.size() > 0 ? 9 : 0);
}

LayoutBox::Side SideOf(const DrawnBox& box) {
  switch (box.kind) {
    case DrawnBox::Kind::kEntry:
    case DrawnBox::Kind::kParams:
      return LayoutBox::Side::kFirst;
    case DrawnBox::Kind::kExit:
    case DrawnBox::Kind::kOutputs:
      return LayoutBox::Side::kLast;
    default:
      return LayoutBox::Side::kFree;
  }
}

}  // namespace

void Arrange(Drawing& drawing) {
  LayeredLayout layout;
  for (DrawnBox& box : drawing.boxes) {
    Size(box);
    layout.boxes.push_back({.width = box.width, .height = box.height, .side = SideOf(box)});
  }
  for (const DrawnWire& wire : drawing.wires) {
    layout.wires.push_back({.from = wire.from,
                            .to = wire.to,
                            .from_y = drawing.boxes[static_cast<size_t>(wire.from)]
                                          .output_y[static_cast<size_t>(wire.from_port)],
                            .to_y = drawing.boxes[static_cast<size_t>(wire.to)]
                                        .input_y[static_cast<size_t>(wire.to_port)]});
  }
  layout.Place();
  for (size_t i = 0; i < drawing.boxes.size(); ++i) {
    drawing.boxes[i].x = layout.boxes[i].x;
    drawing.boxes[i].y = layout.boxes[i].y;
  }
  for (size_t i = 0; i < drawing.wires.size(); ++i) {
    drawing.wires[i].path = std::move(layout.wires[i].path);
  }
  drawing.width = layout.width;
  drawing.height = layout.height;
}

}  // namespace weft
