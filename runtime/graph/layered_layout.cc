#include "runtime/graph/layered_layout.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

namespace weft {
namespace {

constexpr int kOrderSweeps = 24;
constexpr int kHeightSweeps = 12;
constexpr size_t kManyLinks = 2000;   // beyond it orders are not compared, to stay quick
constexpr double kLaneHeight = 8;     // of a wire that passes a layer
constexpr double kWiresPerGap = 2.5;  // pixels that each wire widens the gap between two layers

// A box, or a place where a wire passes a layer.
struct Item {
  int box = -1;  // -1: a wire passes
  double width = 0;
  double height = 0;
  double x = 0;
  double y = 0;
  int layer = 0;
};

// Between neighbouring layers.
struct Link {
  int from = 0;
  int to = 0;
  double from_y = 0;
  double to_y = 0;
  double weight = 1;
};

class Placer {
 public:
  explicit Placer(LayeredLayout& layout) : layout_(layout) {}

  void Place() {
    if (layout_.boxes.empty()) return;
    FindBackWires();
    AssignLayers();
    MakeItems();
    Order();
    PlaceColumns();
    PlaceRows();
    Finish();
  }

 private:
  using Side = LayoutBox::Side;

  LayoutBox& Box(int i) { return layout_.boxes[static_cast<size_t>(i)]; }
  Item& At(int i) { return items_[static_cast<size_t>(i)]; }
  int boxes() const { return static_cast<int>(layout_.boxes.size()); }

  // Graphs with a cycle are drawn too: the wires that close cycles do not count.
  void FindBackWires() {
    back_.assign(layout_.wires.size(), false);
    std::vector<int> state(layout_.boxes.size(), 0);  // 1: on the way, 2: done
    for (int root = 0; root < boxes(); ++root) Visit(root, state);
  }
  void Visit(int root, std::vector<int>& state) {
    if (state[static_cast<size_t>(root)] != 0) return;
    std::vector<std::pair<int, size_t>> stack = {{root, 0}};
    state[static_cast<size_t>(root)] = 1;
    while (!stack.empty()) {
      auto& [box, next] = stack.back();
      if (next == layout_.wires.size()) {
        state[static_cast<size_t>(box)] = 2;
        topological_.push_back(box);
        stack.pop_back();
        continue;
      }
      const size_t wire = next++;
      if (layout_.wires[wire].from != box) continue;
      const int to = layout_.wires[wire].to;
      int& seen = state[static_cast<size_t>(to)];
      if (seen == 1) back_[wire] = true;
      if (seen != 0) continue;
      seen = 1;
      stack.emplace_back(to, 0);
    }
  }

  void AssignLayers() {
    std::reverse(topological_.begin(), topological_.end());
    const bool first = std::any_of(layout_.boxes.begin(), layout_.boxes.end(),
                                   [](const LayoutBox& b) { return b.side == Side::kFirst; });
    layer_.assign(layout_.boxes.size(), first ? 1 : 0);
    const auto layer = [this](int box) -> int& { return layer_[static_cast<size_t>(box)]; };
    for (const int box : topological_) {
      if (Box(box).side == Side::kFirst) layer(box) = 0;
      for (size_t w = 0; w < layout_.wires.size(); ++w) {
        const LayoutWire& wire = layout_.wires[w];
        if (wire.from == box && !back_[w])
          layer(wire.to) = std::max(layer(wire.to), layer(box) + 1);
      }
    }
    int last = 0;
    for (int box = 0; box < boxes(); ++box) {
      if (Box(box).side != Side::kLast) last = std::max(last, layer(box));
    }
    for (int box = 0; box < boxes(); ++box) {
      if (Box(box).side == Side::kLast) layer(box) = last + 1;
    }
    // A box with more wires out than in moves towards its users, where that shortens wires.
    for (auto it = topological_.rbegin(); it != topological_.rend(); ++it) {
      if (Box(*it).side != Side::kFree) continue;
      int in = 0;
      int out = 0;
      int nearest = last + 1;
      for (size_t w = 0; w < layout_.wires.size(); ++w) {
        const LayoutWire& wire = layout_.wires[w];
        if (back_[w]) continue;
        if (wire.to == *it) ++in;
        if (wire.from != *it) continue;
        ++out;
        nearest = std::min(nearest, layer(wire.to));
      }
      if (out > in) layer(*it) = std::max(layer(*it), nearest - 1);
    }
    layers_.resize(static_cast<size_t>(last) + 2);
  }

  int NewItem(Item item) {
    const int index = static_cast<int>(items_.size());
    layers_[static_cast<size_t>(item.layer)].push_back(index);
    items_.push_back(item);
    return index;
  }

  // Wires that pass layers get an item in each; those from one port share them.
  void MakeItems() {
    for (int box = 0; box < boxes(); ++box) {
      NewItem({.box = box,
               .width = Box(box).width,
               .height = Box(box).height,
               .layer = layer_[static_cast<size_t>(box)]});
    }
    std::map<std::tuple<int, double, int>, int> lanes;  // by box, port and layer
    ways_.resize(layout_.wires.size());
    for (size_t w = 0; w < layout_.wires.size(); ++w) {
      const LayoutWire& wire = layout_.wires[w];
      if (back_[w] || At(wire.from).layer >= At(wire.to).layer) continue;
      int previous = wire.from;
      double y = wire.from_y;
      for (int layer = At(wire.from).layer + 1; layer < At(wire.to).layer; ++layer) {
        const auto [lane, is_new] = lanes.try_emplace({wire.from, wire.from_y, layer}, -1);
        if (is_new) {
          lane->second = NewItem({.height = kLaneHeight, .layer = layer});
          links_.push_back(
              {previous, lane->second, y, kLaneHeight / 2, At(previous).box < 0 ? 8.0 : 2.0});
        }
        previous = lane->second;
        y = kLaneHeight / 2;
        ways_[w].push_back(previous);
      }
      links_.push_back({previous, wire.to, y, wire.to_y, At(previous).box < 0 ? 2.0 : 1.0});
    }
  }

  std::vector<double> Ranks() const {
    std::vector<double> ranks(items_.size());
    for (const std::vector<int>& layer : layers_) {
      for (size_t i = 0; i < layer.size(); ++i) ranks[static_cast<size_t>(layer[i])] = double(i);
    }
    return ranks;
  }
  // Where a port stands in its layer: the box's rank, and how far down the box it is.
  double PortRank(const std::vector<double>& ranks, int item, double y) {
    return ranks[static_cast<size_t>(item)] + 0.9 * y / std::max(At(item).height, 1.0);
  }

  size_t Crossings() {
    const std::vector<double> ranks = Ranks();
    size_t crossings = 0;
    for (size_t a = 0; a < links_.size(); ++a) {
      for (size_t b = a + 1; b < links_.size(); ++b) {
        if (At(links_[a].from).layer != At(links_[b].from).layer) continue;
        const double left = PortRank(ranks, links_[a].from, links_[a].from_y) -
                            PortRank(ranks, links_[b].from, links_[b].from_y);
        const double right = PortRank(ranks, links_[a].to, links_[a].to_y) -
                             PortRank(ranks, links_[b].to, links_[b].to_y);
        if (left * right < 0) ++crossings;
      }
    }
    return crossings;
  }

  // Every item goes where its neighbours in the layer before are on average.
  void SortLayer(std::vector<int>& layer, bool by_left) {
    const std::vector<double> ranks = Ranks();
    std::map<int, std::pair<double, int>> sums;
    for (const Link& link : links_) {
      const int item = by_left ? link.to : link.from;
      auto& [sum, count] = sums[item];
      sum += by_left ? PortRank(ranks, link.from, link.from_y) - 0.9 * link.to_y / 1000
                     : PortRank(ranks, link.to, link.to_y) - 0.9 * link.from_y / 1000;
      ++count;
    }
    const auto key = [&](int item) {
      const auto it = sums.find(item);
      return it == sums.end() ? ranks[static_cast<size_t>(item)]
                              : it->second.first / it->second.second;
    };
    std::stable_sort(layer.begin(), layer.end(), [&](int a, int b) { return key(a) < key(b); });
  }

  void Order() {
    const bool compare = links_.size() <= kManyLinks;
    std::vector<std::vector<int>> best = layers_;
    size_t fewest = compare ? Crossings() : 0;
    const int sweeps = compare ? kOrderSweeps : 4;
    for (int sweep = 0; sweep < sweeps; ++sweep) {
      if (sweep % 2 == 0) {
        for (size_t l = 1; l < layers_.size(); ++l) SortLayer(layers_[l], true);
      } else {
        for (size_t l = layers_.size() - 1; l-- > 0;) SortLayer(layers_[l], false);
      }
      if (!compare) continue;
      const size_t crossings = Crossings();
      if (crossings < fewest) {
        fewest = crossings;
        best = layers_;
      }
    }
    if (compare) layers_ = best;
  }

  void PlaceColumns() {
    double x = 0;
    for (size_t l = 0; l < layers_.size(); ++l) {
      if (layers_[l].empty()) continue;
      double width = 0;
      for (const int item : layers_[l]) width = std::max(width, At(item).width);
      int leaving = 0;
      for (const Link& link : links_) leaving += At(link.from).layer == static_cast<int>(l) ? 1 : 0;
      for (const int item : layers_[l]) {
        Item& placed = At(item);
        if (placed.box < 0) placed.width = width;
        const bool right = placed.box >= 0 && Box(placed.box).side == Side::kLast;
        const bool left = placed.box >= 0 && Box(placed.box).side == Side::kFirst;
        placed.x = right ? x + width - placed.width : (left ? x : x + (width - placed.width) / 2);
      }
      column_x_.emplace(static_cast<int>(l), std::make_pair(x, x + width));
      layout_.width = x + width;
      x += width + layout_.column_gap + kWiresPerGap * leaving;
    }
  }

  // The heights nearest to `wanted`, in the least squares sense, that keep order and distance
  // (pool adjacent violators).
  void Settle(const std::vector<int>& layer, const std::vector<double>& wanted) {
    struct Pool {
      double sum;
      double count;
      size_t size;
    };
    std::vector<double> offset(layer.size(), 0);
    for (size_t i = 1; i < layer.size(); ++i) {
      const Item& above = At(layer[i - 1]);
      const bool lanes = above.box < 0 && At(layer[i]).box < 0;
      offset[i] = offset[i - 1] + above.height + (lanes ? 2 : layout_.row_gap);
    }
    std::vector<Pool> pools;
    for (size_t i = 0; i < layer.size(); ++i) {
      pools.push_back({wanted[i] - offset[i], 1, 1});
      while (pools.size() > 1) {
        const Pool& last = pools.back();
        Pool& before = pools[pools.size() - 2];
        if (before.sum / before.count <= last.sum / last.count) break;
        before = {before.sum + last.sum, before.count + last.count, before.size + last.size};
        pools.pop_back();
      }
    }
    size_t i = 0;
    for (const Pool& pool : pools) {
      for (size_t k = 0; k < pool.size; ++k, ++i)
        At(layer[i]).y = pool.sum / pool.count + offset[i];
    }
  }

  void PlaceRows() {
    for (const std::vector<int>& layer : layers_) {
      Settle(layer, std::vector<double>(layer.size(), 0));
    }
    for (int sweep = 0; sweep < kHeightSweeps; ++sweep) {
      const bool both = sweep >= kHeightSweeps - 2;
      const bool forward = sweep % 2 == 0;
      for (size_t k = 0; k < layers_.size(); ++k) {
        const std::vector<int>& layer = layers_[forward ? k : layers_.size() - 1 - k];
        std::map<int, std::pair<double, double>> sums;
        for (const Link& link : links_) {
          if (forward || both) {
            auto& [sum, weight] = sums[link.to];
            sum += link.weight * (At(link.from).y + link.from_y - link.to_y);
            weight += link.weight;
          }
          if (!forward || both) {
            auto& [sum, weight] = sums[link.from];
            sum += link.weight * (At(link.to).y + link.to_y - link.from_y);
            weight += link.weight;
          }
        }
        std::vector<double> wanted;
        for (const int item : layer) {
          const auto it = sums.find(item);
          wanted.push_back(it == sums.end() ? At(item).y : it->second.first / it->second.second);
        }
        Settle(layer, wanted);
      }
    }
  }

  void Finish() {
    double top = items_.front().y;
    for (const Item& item : items_) top = std::min(top, item.y);
    for (Item& item : items_) item.y -= top;
    for (int box = 0; box < boxes(); ++box) {
      Box(box).x = At(box).x;
      Box(box).y = At(box).y;
    }
    for (const Item& item : items_) {
      layout_.height = std::max(layout_.height, item.y + item.height);
    }
    for (size_t w = 0; w < layout_.wires.size(); ++w) {
      LayoutWire& wire = layout_.wires[w];
      const Item& from = At(wire.from);
      const Item& to = At(wire.to);
      const double from_y = from.y + wire.from_y;
      const double to_y = to.y + wire.to_y;
      wire.path = {{from.x + from.width, from_y}};
      // Level to the end of the layer, so that no neighbour in it is crossed.
      if (!back_[w]) wire.path.push_back({column_x_.at(from.layer).second, from_y});
      for (const int lane : ways_[w]) {
        const double y = At(lane).y + kLaneHeight / 2;
        wire.path.push_back({At(lane).x, y});
        wire.path.push_back({At(lane).x + At(lane).width, y});
      }
      if (!back_[w]) wire.path.push_back({column_x_.at(to.layer).first, to_y});
      wire.path.push_back({to.x, to_y});
    }
  }

  LayeredLayout& layout_;
  std::vector<bool> back_;  // of wires: closes a cycle
  std::vector<int> topological_;
  std::vector<int> layer_;   // of boxes
  std::vector<Item> items_;  // boxes first
  std::vector<Link> links_;
  std::vector<std::vector<int>> layers_;  // items from top to bottom
  std::vector<std::vector<int>> ways_;    // the lanes of each wire
  std::map<int, std::pair<double, double>> column_x_;
};

}  // namespace

void LayeredLayout::Place() { Placer(*this).Place(); }

}  // namespace weft
