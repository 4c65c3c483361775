#include "runtime/graph/plan_order.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace weft {
namespace {

using SlotSet = absl::flat_hash_set<Slot>;

void AddSlots(const Source& source, std::vector<Slot>& slots) {
  if (source.kind == Source::Kind::kSlot) slots.push_back(source.slot);
  for (const Source& item : source.items) AddSlots(item, slots);
}

void AddReads(const PlannedNode& node, std::vector<Slot>& slots);

void AddReads(const Block& block, std::vector<Slot>& slots) {
  for (const PlannedNode& node : block) AddReads(node, slots);
}

// What a control node's bodies must yield.
std::vector<Slot> Results(const LoopPlan& loop) {
  std::vector<Slot> slots;
  for (const Carry& carry : loop.carries) AddSlots(carry.next, slots);
  for (const Collect& collect : loop.collects) AddSlots(collect.item, slots);
  return slots;
}
std::vector<Slot> Results(const Branch& branch) {
  std::vector<Slot> slots;
  for (const Source& result : branch.results) AddSlots(result, slots);
  return slots;
}

void Append(std::vector<Slot>& to, const std::vector<Slot>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void AddReads(const PlannedNode& node, std::vector<Slot>& slots) {
  for (const PlannedInput& input : node.inputs) AddSlots(input.source, slots);
  if (node.loop != nullptr) {
    AddSlots(node.loop->over, slots);
    for (const Carry& carry : node.loop->carries) AddSlots(carry.initial, slots);
    Append(slots, Results(*node.loop));
    AddReads(node.loop->body, slots);
  }
  if (node.conditional != nullptr) {
    AddSlots(node.conditional->condition, slots);
    for (const Branch* branch : {&node.conditional->then, &node.conditional->otherwise}) {
      Append(slots, Results(*branch));
      AddReads(branch->block, slots);
    }
  }
}

bool HasEffect(const PlannedNode& node);

bool HasEffect(const Block& block) {
  return std::any_of(block.begin(), block.end(),
                     [](const PlannedNode& node) { return HasEffect(node); });
}

bool HasEffect(const PlannedNode& node) {
  if (node.node != nullptr) return node.node->contract.effect;
  if (node.loop != nullptr) return HasEffect(node.loop->body);
  return HasEffect(node.conditional->then.block) || HasEffect(node.conditional->otherwise.block);
}

bool IsLight(const PlannedNode& node) { return node.node != nullptr && node.node->contract.light; }

class Orderer {
 public:
  Orderer(const GraphDef& graph, std::vector<Problem>& problems)
      : graph_(graph), problems_(problems) {}

  // `results`: slots that the block must yield to what is around it.
  // `inner`: slots that are filled for the block before each round (a loop's item and carries).
  void Order(Block& block, const std::vector<Slot>& results, const std::vector<Slot>& inner) {
    if (!Sort(block)) return;
    Prune(block, results);
    NoteLastUses(block, results, inner);
  }

 private:
  // False if there is a cycle.
  bool Sort(Block& block) {
    const size_t count = block.size();
    absl::flat_hash_map<Slot, size_t> producer;
    for (size_t i = 0; i < count; ++i) {
      for (const auto& [port, slot] : block[i].outputs) producer[slot] = i;
    }
    std::vector<std::set<size_t>> needs(count);
    std::vector<std::vector<size_t>> feeds(count);
    for (size_t i = 0; i < count; ++i) {
      for (const Slot slot : Reads(block[i])) {
        const auto it = producer.find(slot);
        if (it != producer.end() && needs[i].insert(it->second).second) {
          feeds[it->second].push_back(i);
        }
      }
    }
    // Light nodes go as early as they can, so that they overlap with the heavy ones; otherwise the
    // graph's own order stands.
    std::set<std::pair<bool, size_t>> ready;
    std::vector<size_t> open(count);
    for (size_t i = 0; i < count; ++i) {
      open[i] = needs[i].size();
      if (open[i] == 0) ready.emplace(!IsLight(block[i]), i);
    }
    std::vector<size_t> order;
    while (!ready.empty()) {
      const size_t i = ready.begin()->second;
      ready.erase(ready.begin());
      order.push_back(i);
      for (const size_t next : feeds[i]) {
        if (--open[next] == 0) ready.emplace(!IsLight(block[next]), next);
      }
    }
    if (order.size() < count) {
      NoteCycle(block, needs, open);
      return false;
    }
    Block sorted;
    sorted.reserve(count);
    for (const size_t i : order) sorted.push_back(std::move(block[i]));
    block = std::move(sorted);
    return true;
  }

  void NoteCycle(const Block& block, const std::vector<std::set<size_t>>& needs,
                 const std::vector<size_t>& open) {
    // Every node that is still open needs another open one: walking back must come around.
    size_t at = 0;
    while (open[at] == 0) ++at;
    std::vector<size_t> walk;
    while (std::find(walk.begin(), walk.end(), at) == walk.end()) {
      walk.push_back(at);
      for (const size_t need : needs[at]) {
        if (open[need] > 0) {
          at = need;
          break;
        }
      }
    }
    walk.erase(walk.begin(), std::find(walk.begin(), walk.end(), at));
    std::string path = block[at].path;
    for (auto it = walk.rbegin(); it != walk.rend(); ++it) {
      absl::StrAppend(&path, " → ", block[*it].path);
    }
    problems_.push_back({.file = block[at].file.empty() ? graph_.file : block[at].file,
                         .line = block[at].line,
                         .node = block[at].path,
                         .type = block[at].type,
                         .message = absl::StrCat("the wires form a cycle: ", path)});
  }

  void Prune(Block& block, const std::vector<Slot>& results) {
    SlotSet wanted(results.begin(), results.end());
    Block kept;
    for (auto it = block.rbegin(); it != block.rend(); ++it) {
      PlannedNode& node = *it;
      const auto is_wanted = [&wanted](const auto& output) {
        return wanted.contains(output.second);
      };
      if (!HasEffect(node) && std::none_of(node.outputs.begin(), node.outputs.end(), is_wanted)) {
        continue;
      }
      std::erase_if(node.outputs, [&](const auto& output) { return !is_wanted(output); });
      if (node.loop != nullptr) {
        LoopPlan& loop = *node.loop;
        std::erase_if(loop.collects,
                      [&](const Collect& collect) { return !wanted.contains(collect.outside); });
        std::vector<Slot> inner = {loop.index};
        if (loop.item >= 0) inner.push_back(loop.item);
        for (const Carry& carry : loop.carries) inner.push_back(carry.inside);
        Order(loop.body, Results(loop), inner);
      }
      if (node.conditional != nullptr) {
        for (Branch* branch : {&node.conditional->then, &node.conditional->otherwise}) {
          Order(branch->block, Results(*branch), {});
        }
      }
      for (const Slot slot : Reads(node)) wanted.insert(slot);
      kept.push_back(std::move(node));
    }
    std::reverse(kept.begin(), kept.end());
    block = std::move(kept);
  }

  static void NoteLastUses(Block& block, const std::vector<Slot>& results,
                           const std::vector<Slot>& inner) {
    const SlotSet kept(results.begin(), results.end());
    SlotSet own(inner.begin(), inner.end());
    for (const PlannedNode& node : block) {
      for (const auto& [port, slot] : node.outputs) own.insert(slot);
    }
    SlotSet seen;
    for (auto it = block.rbegin(); it != block.rend(); ++it) {
      for (const Slot slot : Reads(*it)) {
        if (own.contains(slot) && !kept.contains(slot) && seen.insert(slot).second) {
          it->last_uses.push_back(slot);
        }
      }
    }
  }

  const GraphDef& graph_;
  std::vector<Problem>& problems_;
};

}  // namespace

std::vector<Slot> Reads(const PlannedNode& node) {
  std::vector<Slot> slots;
  AddReads(node, slots);
  return slots;
}

void OrderPlan(Plan& plan, const GraphDef& graph, std::vector<Problem>& problems) {
  std::vector<Slot> results;
  for (const PlannedOutput& output : plan.outputs) AddSlots(output.source, results);
  Orderer(graph, problems).Order(plan.nodes, results, {});
}

}  // namespace weft
