#include "runtime/graph/draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/graph/graph_json.h"
#include "runtime/graph/layered_layout.h"
#include "tests/runtime/graph/test_nodes.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Svg(const std::string& json) {
  const absl::StatusOr<GraphDef> graph = ParseGraphJson(json, "g.json");
  if (!graph.ok()) return std::string(graph.status().message());
  Log log;
  const Registry registry = TestRegistry(log);
  Composites composites({});
  return DrawSvg(*graph, registry, composites);
}

constexpr char kLoop[] = R"({
  "weft": 1, "title": "Sums <&> \"more\"",
  "params": {"start": {"type": "float", "default": 2.5}},
  "nodes": {
    "first": {"type": "Add", "inputs": {"a": "graph.start"}, "params": {"b": 7}},
    "loop": {"type": "Loop", "params": {"max_rounds": 4}, "while": "on",
      "carry": {"on": "less.less", "x": "first"},
      "body": {"nodes": {"more": {"type": "Add", "inputs": {"a": "loop.x", "b": "first"}},
                         "again": {"type": "Less", "inputs": {"a": "more", "b": "graph.start"}}},
               "next": {"on": "again", "x": "more"}}},
    "less": {"type": "Less", "inputs": {"a": "first"}}
  },
  "outputs": {"x": "loop.x"}})";

TEST(Draw, IsTheSameEveryTime) { EXPECT_EQ(Svg(kLoop), Svg(kLoop)); }

TEST(Draw, ShowsNodesPortsLiteralsAndParams) {
  const std::string svg = Svg(kLoop);
  for (const char* text : {">first<", ">Add<", ">b: 7<", ">start<", ">2.5<", ">again<",
                           ">Loop while on<", ">graph.start<"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
}

TEST(Draw, EscapesText) {
  const std::string svg = Svg(kLoop);
  EXPECT_THAT(svg, HasSubstr("Sums &lt;&amp;&gt; &quot;more&quot;"));
  EXPECT_THAT(svg, Not(HasSubstr("<&>")));
}

TEST(Draw, NeedsNothingFromOutside) {
  const std::string svg = Svg(kLoop);
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_THAT(svg, Not(HasSubstr("url(")));
  EXPECT_THAT(svg, Not(HasSubstr("href")));
}

TEST(Draw, DrawsWrongGraphsAsFarAsTheyGo) {
  const std::string svg = Svg(R"({"weft": 1, "nodes": {
    "a": {"type": "Nothing", "inputs": {"x": "b.sum", "y": "gone"}},
    "b": {"type": "Add", "inputs": {"a": "a.out"}}}, "outputs": {"z": "a.out"}})");
  EXPECT_THAT(svg, HasSubstr(">Nothing<"));
  EXPECT_THAT(svg, HasSubstr("</svg>"));
}

TEST(Draw, DrawsAnEmptyGraph) {
  EXPECT_THAT(Svg(R"({"weft": 1, "nodes": {}, "outputs": {}})"), HasSubstr("</svg>"));
}

TEST(LayeredLayout, PutsBoxesRightOfWhatFeedsThem) {
  LayeredLayout layout;
  for (int i = 0; i < 4; ++i) layout.boxes.push_back({.width = 100, .height = 50});
  layout.wires = {{.from = 2, .to = 1}, {.from = 1, .to = 0}, {.from = 2, .to = 3}};
  layout.Place();
  for (const LayoutWire& wire : layout.wires) {
    const LayoutBox& from = layout.boxes[static_cast<size_t>(wire.from)];
    const LayoutBox& to = layout.boxes[static_cast<size_t>(wire.to)];
    EXPECT_LT(from.x + from.width, to.x);
  }
}

TEST(LayeredLayout, KeepsBoxesApart) {
  LayeredLayout layout;
  for (int i = 0; i < 12; ++i) {
    layout.boxes.push_back({.width = 40.0 + 7 * i, .height = 20.0 + 13 * (i % 4)});
  }
  for (int i = 1; i < 12; ++i) {
    layout.wires.push_back({.from = i / 3, .to = i, .from_y = 10, .to_y = 5});
  }
  layout.Place();
  for (size_t a = 0; a < layout.boxes.size(); ++a) {
    for (size_t b = a + 1; b < layout.boxes.size(); ++b) {
      const LayoutBox& p = layout.boxes[a];
      const LayoutBox& q = layout.boxes[b];
      const bool apart = p.x + p.width <= q.x || q.x + q.width <= p.x || p.y + p.height <= q.y ||
                         q.y + q.height <= p.y;
      EXPECT_TRUE(apart) << a << " and " << b;
    }
  }
}

TEST(LayeredLayout, PlacesACycleToo) {
  LayeredLayout layout;
  layout.boxes = {{.width = 10, .height = 10}, {.width = 10, .height = 10}};
  layout.wires = {{.from = 0, .to = 1}, {.from = 1, .to = 0}};
  layout.Place();
  EXPECT_EQ(layout.wires[1].path.size(), 2U);
}

}  // namespace
}  // namespace weft
