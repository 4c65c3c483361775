#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/exec/execution.h"
#include "runtime/graph/given_value.h"

namespace weft {
namespace {

// After this many rounds a dry run has seen what every later round looks like: the first has the
// carried values as they begin, the second as a round leaves them.
constexpr int64_t kDryRounds = 2;

bool IsMadeIn(const Block& block, Slot slot) {
  return std::any_of(block.begin(), block.end(), [slot](const PlannedNode& node) {
    return std::any_of(node.outputs.begin(), node.outputs.end(),
                       [slot](const auto& output) { return output.second == slot; });
  });
}

}  // namespace

absl::Status Execution::RunLoop(const PlannedNode& node, const LoopPlan& loop) {
  List over;
  if (loop.over.kind != Source::Kind::kNone) {
    if (slots_.IsUnknown(loop.over)) return MarkUnknown(node);
    absl::StatusOr<Value> list = slots_.Read(loop.over);
    if (!list.ok()) return Fail(node, list.status());
    if (list->AsList() == nullptr) {
      return Fail(node, Invalid("goes over ", list->kind(), ", which is not a list"));
    }
    over = *list->AsList();
  }
  const bool counted = loop.over.kind != Source::Kind::kNone;
  const int64_t total = counted ? static_cast<int64_t>(over.size()) : loop.max_rounds;
  for (const Carry& carry : loop.carries) {
    absl::StatusOr<Value> value = slots_.Read(carry.initial, MayMove(node, carry.initial));
    if (!value.ok()) return Fail(node, value.status());
    slots_.Set(carry.inside, *std::move(value));
    if (slots_.IsUnknown(carry.initial)) slots_.SetUnknown(carry.inside);
  }
  std::vector<List> collected(loop.collects.size());
  rounds_.emplace_back(&node, 0);
  absl::Status status;
  int64_t round = 0;
  for (; round < total; ++round) {
    absl::StatusOr<bool> goes_on = GoesOn(node, loop, round);
    status = goes_on.status();
    if (!status.ok() || !*goes_on) break;
    if (dry_ && round >= kDryRounds) {
      for (List& list : collected) list.push_back(Twin(list.back()));
      continue;
    }
    rounds_.back().second = round;
    status = RunRound(node, loop, over, counted ? total : 0, collected);
    if (!status.ok()) break;
    if (environment_.events && !dry_) {
      environment_.events({.kind = Event::Kind::kProgress,
                           .node = node.path,
                           .type = node.type,
                           .done = round + 1,
                           .total = counted ? total : 0});
    }
    if (std::exchange(stopped_, false)) break;
  }
  rounds_.pop_back();
  WEFT_RETURN_IF_ERROR(status);
  if (!counted && round == total && !dry_) {
    return Fail(node, absl::ResourceExhaustedError(absl::StrCat("still going after ", total,
                                                                " rounds; raise \"max_rounds\"")));
  }
  for (const Carry& carry : loop.carries) {
    slots_.Set(carry.outside, slots_.Peek(carry.inside));
    if (slots_.IsUnknown(carry.inside)) slots_.SetUnknown(carry.outside);
    slots_.Free(carry.inside);
  }
  for (size_t i = 0; i < collected.size(); ++i) {
    const bool unknown = dry_ && std::any_of(collected[i].begin(), collected[i].end(),
                                             [](const Value& item) { return item.is_null(); });
    slots_.Set(loop.collects[i].outside, Value(std::move(collected[i])));
    if (unknown) slots_.SetUnknown(loop.collects[i].outside);
  }
  if (loop.item >= 0) slots_.Free(loop.item);
  if (dry_) NoteDry(node);
  return absl::OkStatus();
}

absl::StatusOr<bool> Execution::GoesOn(const PlannedNode& node, const LoopPlan& loop,
                                       int64_t round) {
  if (loop.while_carry < 0) return true;
  const Carry& carry = loop.carries[static_cast<size_t>(loop.while_carry)];
  const Value& going = slots_.Peek(carry.inside);
  // How often the bool will hold is not known without memory: once, to see the body, or as often
  // as the list is long.
  if (dry_) return round < 1 || loop.over.kind != Source::Kind::kNone;
  if (going.AsBool() != nullptr) return *going.AsBool();
  return Fail(node, Invalid("\"while\" needs a bool in \"", carry.name, "\", not ", going.kind()));
}

absl::Status Execution::ShowRound(const PlannedNode& node, const LoopPlan& loop, int64_t total,
                                  const std::vector<List>& collected, std::vector<Value>& next) {
  Round round{.loop = node.path, .index = rounds_.back().second, .total = total};
  for (size_t i = 0; i < next.size(); ++i) round.carried[loop.carries[i].name] = next[i];
  for (size_t i = 0; i < collected.size(); ++i) {
    round.collected[loop.collects[i].name] = collected[i].back();
  }
  absl::Status status = environment_.on_round(round);
  if (!status.ok()) return Fail(node, status);
  for (size_t i = 0; i < next.size(); ++i) {
    next[i] = std::move(round.carried[loop.carries[i].name]);
  }
  if (round.carried.size() != next.size()) {
    std::vector<std::string> names;
    for (const Carry& carry : loop.carries) names.push_back(carry.name);
    for (const auto& [name, value] : round.carried) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      return Fail(node, Invalid("nothing carries \"", name, "\"", DidYouMean(name, names)));
    }
  }
  for (auto& [name, value] : round.inputs) {
    status = Replace(node, loop.body, name, value);
    if (!status.ok()) return Fail(node, status);
  }
  stopped_ = round.stop;
  return absl::OkStatus();
}

absl::Status Execution::Replace(const PlannedNode& loop, const Block& body, const std::string& name,
                                const Value& value) {
  std::vector<std::string> known;
  bool found = false;
  const std::function<absl::Status(const Block&)> search = [&](const Block& block) {
    for (const PlannedNode& node : block) {
      for (const PlannedInput& input : node.inputs) {
        std::string key = absl::StrCat(node.path.substr(loop.path.size() + 1), ".", input.port);
        std::replace(key.begin(), key.end(), '/', '.');
        if (key == name || input.port == name) {
          found = true;
          const PortSpec& port = *node.node->contract.Input(input.port);
          WEFT_ASSIGN_OR_RETURN(replaced_[absl::StrCat(node.path, ".", input.port)],
                                CheckGiven(port, value));
        }
        known.push_back(std::move(key));
        known.push_back(input.port);
      }
      if (node.loop != nullptr) WEFT_RETURN_IF_ERROR(search(node.loop->body));
      if (node.conditional != nullptr) {
        WEFT_RETURN_IF_ERROR(search(node.conditional->then.block));
        WEFT_RETURN_IF_ERROR(search(node.conditional->otherwise.block));
      }
    }
    return absl::OkStatus();
  };
  WEFT_RETURN_IF_ERROR(search(body));
  if (found) return absl::OkStatus();
  return Invalid("no node of the loop's body has an input \"", name, "\"", DidYouMean(name, known));
}

absl::Status Execution::RunRound(const PlannedNode& node, const LoopPlan& loop, const List& over,
                                 int64_t total, std::vector<List>& collected) {
  const int64_t round = rounds_.back().second;
  WEFT_RETURN_IF_ERROR(CheckCancelled());  // a body may be empty
  if (loop.item >= 0) slots_.Set(loop.item, over[static_cast<size_t>(round)]);
  slots_.Set(loop.index, Value(round));
  WEFT_RETURN_IF_ERROR(RunBlock(loop.body));
  for (size_t i = 0; i < loop.collects.size(); ++i) {
    absl::StatusOr<Value> item = slots_.Read(loop.collects[i].item);
    if (!item.ok()) return Fail(node, item.status());
    const bool unknown = slots_.IsUnknown(loop.collects[i].item);
    collected[i].push_back(unknown ? Value() : *std::move(item));
  }
  // All next values are read before any is put in place: names may swap.
  std::vector<Value> next;
  std::vector<bool> unknown;
  for (const Carry& carry : loop.carries) {
    unknown.push_back(slots_.IsUnknown(carry.next));
    absl::StatusOr<Value> value = slots_.Read(carry.next);
    if (!value.ok()) return Fail(node, value.status());
    next.push_back(*std::move(value));
  }
  for (const Carry& carry : loop.carries) FreeResult(loop.body, carry.next);
  for (const Collect& collect : loop.collects) FreeResult(loop.body, collect.item);
  if (environment_.on_round && !dry_) {
    WEFT_RETURN_IF_ERROR(ShowRound(node, loop, total, collected, next));
  }
  for (size_t i = 0; i < next.size(); ++i) {
    slots_.Set(loop.carries[i].inside, std::move(next[i]));
    if (unknown[i]) slots_.SetUnknown(loop.carries[i].inside);
  }
  return absl::OkStatus();
}

void Execution::FreeResult(const Block& body, const Source& result) {
  if (result.kind == Source::Kind::kSlot && IsMadeIn(body, result.slot)) slots_.Free(result.slot);
}

Value Execution::Twin(const Value& value) const {
  const Tensor* tensor = value.AsTensor();
  if (tensor == nullptr || !tensor->is_meta()) return value;
  absl::StatusOr<Tensor> twin = Tensor::Allocate(allocator_, tensor->dtype(), tensor->shape());
  return twin.ok() ? Value(*std::move(twin)) : value;
}

absl::Status Execution::RunIf(const PlannedNode& node, const IfPlan& plan) {
  if (slots_.IsUnknown(plan.condition)) return MarkUnknown(node);
  absl::StatusOr<Value> condition = slots_.Read(plan.condition);
  if (!condition.ok()) return Fail(node, condition.status());
  if (condition->AsBool() == nullptr) {
    return Fail(node, Invalid("\"condition\" expects bool, not ", condition->kind()));
  }
  const Branch& branch = *condition->AsBool() ? plan.then : plan.otherwise;
  WEFT_RETURN_IF_ERROR(RunBlock(branch.block));
  for (size_t i = 0; i < plan.outputs.size(); ++i) {
    absl::StatusOr<Value> value = slots_.Read(branch.results[i]);
    if (!value.ok()) return Fail(node, value.status());
    slots_.Set(plan.outputs[i], *std::move(value));
    if (slots_.IsUnknown(branch.results[i])) slots_.SetUnknown(plan.outputs[i]);
  }
  for (const Source& result : branch.results) FreeResult(branch.block, result);
  if (dry_) NoteDry(node);
  return absl::OkStatus();
}

}  // namespace weft
