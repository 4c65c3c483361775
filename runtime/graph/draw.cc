#include "runtime/graph/draw.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/graph/drawing.h"

namespace weft {
namespace {

constexpr double kMargin = 28;
constexpr double kPictureTitle = 20;  // pixels of the title's letters
constexpr size_t kLongestText = 36;   // letters of a literal
constexpr std::array<const char*, 18> kColours = {
    "#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2",
    "#db2777", "#65a30d", "#1e3a8a", "#92400e", "#14b8a6", "#c026d3",
    "#ea580c", "#166534", "#38bdf8", "#9f1239", "#a78bfa", "#a8a100"};
constexpr const char* kScalarColour = "#64748b";
constexpr const char* kAnyColour = "#94a3b8";

// What XML has no way to hold becomes the replacement character.
std::string Escape(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\n':
      case '\t':
        escaped += ' ';
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          escaped += "\xEF\xBF\xBD";
        } else {
          escaped += c;
        }
    }
  }
  return escaped;
}

bool Begins(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }  // a code point

// At most `most` letters.
std::string Shortened(absl::string_view text, size_t most) {
  size_t letters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (Begins(text[i]) && ++letters > most) return absl::StrCat(text.substr(0, i), "…");
  }
  return std::string(text);
}

// Every type of the drawing gets a colour of its own, the same in most drawings.
class Palette {
 public:
  explicit Palette(const absl::btree_set<std::string>& types) {
    std::array<bool, kColours.size()> taken = {};
    size_t given = 0;
    for (const std::string& type : types) {
      if (type == "any") {
        colours_[type] = kAnyColour;
      } else if (type == "int" || type == "float" || type == "bool" || type == "text") {
        colours_[type] = kScalarColour;
      } else {
        uint32_t hash = 2166136261u;  // FNV-1a
        for (const char c : type) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
        size_t index = hash % kColours.size();
        while (given < kColours.size() && taken[index]) index = (index + 1) % kColours.size();
        taken[index] = true;
        ++given;
        colours_[type] = kColours[index];
      }
    }
  }
  std::string Of(const Type& type) const {
    const auto it = colours_.find(type.name);
    return it != colours_.end() ? it->second : kAnyColour;
  }
  const absl::btree_map<std::string, std::string>& all() const { return colours_; }

 private:
  absl::btree_map<std::string, std::string> colours_;
};

void AddTypes(const Drawing& drawing, absl::btree_set<std::string>& types) {
  for (const DrawnWire& wire : drawing.wires) types.insert(wire.type.name);
  for (const DrawnBox& box : drawing.boxes) {
    for (const DrawnPort& port : box.outputs) {
      if (box.kind != DrawnBox::Kind::kExit) types.insert(port.type.name);
    }
    if (box.inside != nullptr) AddTypes(*box.inside, types);
  }
}

void ShortenLiterals(Drawing& drawing) {
  for (DrawnBox& box : drawing.boxes) {
    for (std::string& literal : box.literals) literal = Shortened(literal, kLongestText);
    for (std::vector<DrawnPort>* ports : {&box.inputs, &box.outputs}) {
      for (DrawnPort& port : *ports) port.note = Shortened(port.note, kLongestText);
    }
    if (box.inside != nullptr) ShortenLiterals(*box.inside);
  }
}

class Painter {
 public:
  explicit Painter(const Palette& palette) : palette_(palette) {}

  void Paint(const Drawing& drawing, double x, double y) {
    for (const DrawnBox& box : drawing.boxes) {
      if (box.kind == DrawnBox::Kind::kBody) Body(box, x + box.x, y + box.y);
    }
    for (const DrawnWire& wire : drawing.wires) PaintWire(wire, x, y);
    for (const DrawnBox& box : drawing.boxes) {
      const double left = x + box.x;
      const double top = y + box.y;
      switch (box.kind) {
        case DrawnBox::Kind::kBody:
          Paint(*box.inside, left, top + kHeaderHeight);
          Dots(box, left, top);
          break;
        case DrawnBox::Kind::kEntry:
        case DrawnBox::Kind::kExit:
          Edge(box, left, top);
          break;
        default:
          Node(box, left, top);
      }
    }
  }

  void Text(double x, double y, absl::string_view style, absl::string_view text) {
    absl::StrAppendFormat(&svg, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">%s</text>\n", x, y, style,
                          Escape(text));
  }

  std::string svg;

 private:
  void Rectangle(double x, double y, double width, double height, double radius,
                 absl::string_view attributes) {
    absl::StrAppendFormat(&svg,
                          "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%.1f\" "
                          "%s/>\n",
                          x, y, width, height, radius, attributes);
  }

  void PaintWire(const DrawnWire& wire, double x, double y) {
    std::string path;
    for (size_t i = 0; i < wire.path.size(); ++i) {
      const double px = x + wire.path[i].x;
      const double py = y + wire.path[i].y;
      if (i == 0) {
        absl::StrAppendFormat(&path, "M%.1f %.1f", px, py);
        continue;
      }
      const double qx = x + wire.path[i - 1].x;
      const double qy = y + wire.path[i - 1].y;
      if (qy == py) {
        absl::StrAppendFormat(&path, "H%.1f", px);
        continue;
      }
      // Level at both ends; a wire that runs back swings out.
      const double reach = px > qx ? (px - qx) / 2 : 60 + (qx - px) / 8;
      absl::StrAppendFormat(&path, "C%.1f %.1f %.1f %.1f %.1f %.1f", qx + reach, qy, px - reach, py,
                            px, py);
    }
    absl::StrAppendFormat(&svg, "<path d=\"%s\" stroke=\"%s\" class=\"%s\"/>\n", path,
                          palette_.Of(wire.type), wire.type.list ? "list" : "wire");
  }

  void Dot(double x, double y, const DrawnPort& port) {
    const std::string colour = palette_.Of(port.type);
    absl::StrAppendFormat(&svg,
                          "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.6\" fill=\"%s\" "
                          "stroke=\"%s\" stroke-width=\"1.5\"/>\n",
                          x, y, port.wired ? colour : "#ffffff", colour);
  }

  void Dots(const DrawnBox& box, double x, double y) {
    for (size_t i = 0; i < box.inputs.size(); ++i) {
      if (box.inputs[i].wired) Dot(x, y + box.input_y[i], box.inputs[i]);
    }
    for (size_t i = 0; i < box.outputs.size(); ++i) {
      Dot(x + box.width, y + box.output_y[i], box.outputs[i]);
    }
  }

  // The background and the name of a box that has boxes inside.
  void Body(const DrawnBox& box, double x, double y) {
    Rectangle(x, y, box.width, box.height, 12, "class=\"body\"");
    const double middle = y + kHeaderHeight / 2 + 1;
    Text(x + kBoxPadding, middle, "title", box.title);
    Text(x + kBoxPadding + TextWidth(box.title, kBoldSize) + 8, middle, "type", box.subtitle);
  }

  // The names of what comes into a body, or leaves it, along its edge.
  void Edge(const DrawnBox& box, double x, double y) {
    const bool entry = box.kind == DrawnBox::Kind::kEntry;
    const std::vector<DrawnPort>& ports = entry ? box.outputs : box.inputs;
    for (size_t i = 0; i < ports.size(); ++i) {
      const double middle = y + (entry ? box.output_y : box.input_y)[i];
      const double width = TextWidth(ports[i].label, kTextSize) + 2 * kBoxPadding - 4;
      const std::string colour = palette_.Of(ports[i].type);
      // The wire inside begins where its label ends.
      if (entry && ports[i].wired && width < box.width) {
        absl::StrAppendFormat(&svg, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"%s\" class=\"%s\"/>\n",
                              x + width, middle, x + box.width, colour,
                              ports[i].type.list ? "list" : "wire");
      }
      const double left = entry ? x : x + box.width - width;
      if (!entry && ports[i].wired && width < box.width) {
        absl::StrAppendFormat(&svg, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"%s\" class=\"%s\"/>\n", x,
                              middle, left, colour, ports[i].type.list ? "list" : "wire");
      }
      Rectangle(left, middle - kRowHeight / 2 + 1, width, kRowHeight - 2, 8,
                absl::StrCat("fill=\"", colour, "\" fill-opacity=\"0.14\""));
      Text(entry ? left + kBoxPadding - 2 : left + width - kBoxPadding + 2, middle + 4,
           entry ? "port" : "out", ports[i].label);
    }
  }

  void Node(const DrawnBox& box, double x, double y) {
    const bool table = box.kind == DrawnBox::Kind::kParams || box.kind == DrawnBox::Kind::kOutputs;
    svg += "<g>";
    if (!box.doc.empty()) absl::StrAppend(&svg, "<title>", Escape(box.doc), "</title>");
    svg += "\n";
    // A composite is a stack: there is more behind it.
    if (box.kind == DrawnBox::Kind::kComposite) {
      Rectangle(x + 4, y + 4, box.width, box.height, 9, "class=\"node\"");
    }
    Rectangle(x, y, box.width, box.height, 9, table ? "class=\"table\"" : "class=\"node\"");
    Text(x + kBoxPadding, y + 19, table ? "heading" : "title", box.title);
    if (!box.subtitle.empty()) Text(x + kBoxPadding, y + 34, "type", box.subtitle);
    for (size_t i = 0; i < box.inputs.size(); ++i) {
      Text(x + kBoxPadding, y + box.input_y[i] + 4, "port", box.inputs[i].label);
      Dot(x, y + box.input_y[i], box.inputs[i]);
    }
    for (size_t i = 0; i < box.outputs.size(); ++i) {
      const DrawnPort& port = box.outputs[i];
      if (table) {
        Text(x + kBoxPadding, y + box.output_y[i] + 4, "port", port.label);
        Text(x + box.width - kBoxPadding, y + box.output_y[i] + 4, "note", port.note);
      } else {
        Text(x + box.width - kBoxPadding, y + box.output_y[i] + 4, "out", port.label);
      }
      Dot(x + box.width, y + box.output_y[i], port);
    }
    double line = y + box.height - 9 - kLiteralHeight * static_cast<double>(box.literals.size());
    for (const std::string& literal : box.literals) {
      Text(x + kBoxPadding, line + 13, "literal", literal);
      line += kLiteralHeight;
    }
    svg += "</g>\n";
  }

  const Palette& palette_;
};

constexpr char kStyle[] =
    "<style>text{font-family:ui-sans-serif,system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
    "font-size:11.5px;fill:#1e293b}"
    ".picture{font-size:20px;font-weight:600}.title{font-size:13.5px;font-weight:600}"
    ".heading{font-size:12px;font-weight:600;fill:#64748b}.type{fill:#64748b}"
    ".out{text-anchor:end}.note{text-anchor:end;fill:#64748b}.literal{fill:#64748b}"
    ".wire{fill:none;stroke-width:1.8}.list{fill:none;stroke-width:3.2}"
    ".node{fill:#ffffff;stroke:#cbd5e1;stroke-width:1.2}"
    ".table{fill:#f1f5f9;stroke:#cbd5e1;stroke-width:1.2}"
    ".body{fill:#eef2f7;fill-opacity:0.75;stroke:#94a3b8;stroke-width:1.3;stroke-dasharray:6 3}"
    "</style>\n";

}  // namespace

double TextWidth(absl::string_view text, double size) {
  double width = 0;  // in units of the font's size
  for (const char c : text) {
    if (!Begins(c)) continue;
    const auto u = static_cast<unsigned char>(c);
    if (u >= 0xE3) {
      width += 1.0;  // Chinese, Japanese, Korean, pictographs
    } else if (absl::string_view("ijl.,:;'|!()[]I ").find(c) != absl::string_view::npos) {
      width += 0.33;
    } else if (absl::string_view("mwMW@%").find(c) != absl::string_view::npos) {
      width += 0.92;
    } else if ((c >= 'A' && c <= 'Z') || c == '_' || u >= 0x80) {
      width += 0.68;
    } else {
      width += 0.57;
    }
  }
  return width * size;
}

std::string DrawSvg(const GraphDef& graph, const Registry& registry, Composites& composites) {
  Drawing drawing = MakeDrawing(graph, registry, composites);
  ShortenLiterals(drawing);
  Arrange(drawing);
  absl::btree_set<std::string> types;
  AddTypes(drawing, types);
  const Palette palette(types);
  const double top = kMargin + (graph.title.empty() ? 0 : kPictureTitle + 20);
  Painter painter(palette);
  if (!graph.title.empty()) painter.Text(kMargin, kMargin + 14, "picture", graph.title);
  painter.Paint(drawing, kMargin, top);
  // The colours' meanings along the bottom.
  double width = std::max(drawing.width, TextWidth(graph.title, kPictureTitle));
  double x = kMargin;
  double y = top + drawing.height + 34;
  for (const auto& [type, colour] : palette.all()) {
    const double step = TextWidth(type, kTextSize) + 34;
    if (x > kMargin && x + step > kMargin + width) {
      x = kMargin;
      y += 20;
    }
    absl::StrAppendFormat(
        &painter.svg, "<path d=\"M%.1f %.1fh14\" stroke=\"%s\" class=\"list\"/>\n", x, y, colour);
    painter.Text(x + 19, y + 4, "type", type);
    width = std::max(width, x + step - kMargin);
    x += step;
  }
  width += 2 * kMargin;
  const double height = y + kMargin;
  return absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
      "viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n<title>%s</title>\n%s"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"#fbfcfe\"/>\n%s</svg>\n",
      width, height, width, height, Escape(graph.title.empty() ? "A graph" : graph.title), kStyle,
      painter.svg);
}

}  // namespace weft
