#include "runtime/exec/executor.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <new>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "runtime/base/status_macros.h"
#include "runtime/exec/light_worker.h"
#include "runtime/exec/slots.h"
#include "runtime/graph/plan_order.h"

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;
using Values = absl::btree_map<std::string, Value>;

// After this many rounds a dry run has seen what every later round looks like: the first has the
// carried values as they begin, the second as a round leaves them.
constexpr int64_t kDryRounds = 2;

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

bool Contains(const std::vector<Slot>& slots, Slot slot) {
  return std::find(slots.begin(), slots.end(), slot) != slots.end();
}

// The one place where an exception of a library under a node could come up.
absl::Status Guarded(const NodeType::Function& function, NodeContext& ctx) {
  try {
    return function(ctx);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& e) {
    return absl::InternalError(e.what());
  }
}

class Executor {
 public:
  Executor(const Plan& plan, const Environment& environment, bool dry)
      : plan_(plan),
        environment_(environment),
        dry_(dry),
        allocator_(dry ? Device::kMeta : Device::kCpu),
        slots_(plan.slots, worker_) {
    if (environment.events && !dry) {
      // Light nodes report from their own thread.
      environment_.events = [this](const Event& event) {
        absl::MutexLock lock(&events_mutex_);
        Event timed = event;
        timed.seconds = Seconds(began_);
        user_events_(timed);
      };
      user_events_ = environment.events;
    }
    if (dry) environment_.events = nullptr;  // nothing happens
  }

  absl::Status Run() {
    absl::Status status = RunBlock(plan_.nodes);
    // What is being written is finished, or failed, before anyone is told that the run ended.
    const absl::Status light = worker_.Drain();
    return status.ok() ? light : status;
  }

  absl::StatusOr<Values> Outputs() {
    Values outputs;
    for (const PlannedOutput& output : plan_.outputs) {
      if (slots_.IsUnknown(output.source)) continue;
      absl::StatusOr<Value> value = slots_.Read(output.source);
      if (!value.ok())
        return Annotate(value.status(), absl::StrCat("output \"", output.name, "\""));
      outputs.emplace(output.name, *std::move(value));
    }
    return outputs;
  }

  std::vector<Problem> problems;  // of a dry run
  std::vector<DryRunNode> dry_nodes;
  size_t peak() const { return allocator_.meter()->peak(); }
  double seconds() const { return Seconds(began_); }

 private:
  // "denoise/loop[3]/noise": the node's path with the rounds of the loops around it.
  std::string DisplayPath(const PlannedNode& node) const {
    std::string path;
    size_t done = 0;
    for (const auto& [loop, round] : rounds_) {
      const std::string& plain = loop->path;
      absl::StrAppend(&path, plain.substr(done), "[", round, "]");
      done = plain.size();
    }
    return path + node.path.substr(done);
  }

  static Problem Where(const PlannedNode& node, std::string path) {
    return {.file = node.file, .line = node.line, .node = std::move(path), .type = node.type};
  }

  absl::Status Fail(const PlannedNode& node, const absl::Status& status) const {
    return Fail(node, status, DisplayPath(node));
  }
  // For light nodes, whose thread must not look at the rounds of the loops: `path` is the display
  // path as it was when the node was reached.
  static absl::Status Fail(const PlannedNode& node, const absl::Status& status, std::string path) {
    if (absl::IsCancelled(status) || HasProblems(status)) return status;
    Problem problem = Where(node, std::move(path));
    problem.message = std::string(status.message());
    problem.port = PortOf(status);
    for (const PlannedInput& input : node.inputs) {
      if (input.port != problem.port || input.from.empty()) continue;
      problem.line = input.line;
      absl::StrAppend(&problem.message, " (from \"", input.from, "\")");
    }
    return ToStatus({problem}, status.code());
  }

  absl::Status CheckCancelled() const {
    if (environment_.cancelled == nullptr || !*environment_.cancelled) return absl::OkStatus();
    return absl::CancelledError("the run was cancelled");
  }

  absl::Status RunBlock(const Block& block) {
    for (const PlannedNode& node : block) {
      WEFT_RETURN_IF_ERROR(CheckCancelled());
      absl::Status status = RunOne(node);
      if (!status.ok()) {
        if (!dry_) return status;
        for (Problem& problem : ProblemsOf(status)) problems.push_back(std::move(problem));
        for (const auto& [port, slot] : node.outputs) slots_.SetUnknown(slot);
      }
      for (const Slot slot : node.last_uses) slots_.Free(slot);
    }
    return absl::OkStatus();
  }

  absl::Status RunOne(const PlannedNode& node) {
    if (node.loop != nullptr) return RunLoop(node, *node.loop);
    if (node.conditional != nullptr) return RunIf(node, *node.conditional);
    auto ctx = std::make_shared<NodeContext>(node.node->contract, environment_, allocator_, dry_);
    for (const PlannedInput& input : node.inputs) {
      if (slots_.IsUnknown(input.source)) {
        for (const auto& [port, slot] : node.outputs) slots_.SetUnknown(slot);
        return absl::OkStatus();
      }
      absl::StatusOr<Value> value = slots_.Read(input.source, MayMove(node, input.source));
      if (!value.ok()) return Fail(node, Annotate(value.status(), input.from));
      WEFT_RETURN_IF_ERROR(CheckInput(node, input, *value));
      // Nothing on a wire leaves the port at its default.
      if (value->is_null()) value = node.node->contract.Input(input.port)->fallback;
      if (!value->is_null()) ctx->inputs().emplace(input.port, *std::move(value));
    }
    for (const auto& [port, slot] : node.outputs) ctx->wanted().insert(port);
    ctx->set_node_path(DisplayPath(node));
    if (node.node->contract.light && !dry_) return Submit(node, std::move(ctx));
    WEFT_RETURN_IF_ERROR(RunNode(node, ctx->node_path(), *ctx));
    return Store(node, *ctx);
  }

  // A value read once by this node, and by none after it, moves in: kernels may work in place.
  static bool MayMove(const PlannedNode& node, const Source& source) {
    if (source.kind != Source::Kind::kSlot || !Contains(node.last_uses, source.slot)) return false;
    const std::vector<Slot> reads = Reads(node);
    return std::count(reads.begin(), reads.end(), source.slot) == 1;
  }

  absl::Status CheckInput(const PlannedNode& node, const PlannedInput& input, const Value& value) {
    const PortSpec* spec = node.node->contract.Input(input.port);
    if (value.is_null() ? !spec->required : Matches(input.type, value)) return absl::OkStatus();
    Problem problem = Where(node, DisplayPath(node));
    problem.port = input.port;
    problem.line = input.line;
    problem.message = absl::StrCat("expects ", input.type.ToString(), ", but \"", input.from,
                                   "\" gives ", value.is_null() ? "nothing" : value.kind());
    return ToStatus({problem});
  }

  // `path`: the node's display path, as it was when the node was reached.
  absl::Status RunNode(const PlannedNode& node, const std::string& path, NodeContext& ctx) {
    const auto began = Clock::now();
    const auto report = [&](Event::Kind kind, double duration) {
      if (!environment_.events || dry_) return;
      environment_.events({.kind = kind,
                           .node = path,
                           .type = node.type,
                           .duration = duration,
                           .light = node.node->contract.light,
                           .bytes = allocator_.meter()->live()});
    };
    report(Event::Kind::kNodeStarted, 0);
    const absl::Status status = Guarded(dry_ ? node.node->inferring() : node.node->run, ctx);
    ctx.inputs().clear();
    if (!status.ok()) return Fail(node, status, path);
    report(Event::Kind::kNodeFinished, Seconds(began));
    return absl::OkStatus();
  }

  absl::Status Store(const PlannedNode& node, NodeContext& ctx) {
    for (const auto& [port, slot] : node.outputs) {
      const auto it = ctx.outputs().find(port);
      // What a node does not give is nothing: whoever needs it will say so.
      slots_.Set(slot, it != ctx.outputs().end() ? std::move(it->second) : Value());
    }
    if (dry_) NoteDry(node);
    return absl::OkStatus();
  }

  void NoteDry(const PlannedNode& node) {
    if (std::any_of(rounds_.begin(), rounds_.end(), [](const auto& r) { return r.second > 0; })) {
      return;
    }
    DryRunNode& noted = dry_nodes.emplace_back();
    noted.path = node.path;
    noted.type = node.type;
    for (const auto& [port, slot] : node.outputs) {
      if (!slots_.IsUnknown(slot)) noted.outputs.emplace_back(port, Describe(slots_.Peek(slot)));
    }
    noted.live_bytes = allocator_.meter()->live();
    noted.peak_bytes = allocator_.meter()->peak();
  }

  absl::Status Submit(const PlannedNode& node, std::shared_ptr<NodeContext> ctx) {
    const std::string path = ctx->node_path();
    std::shared_ptr<LightWorker::Task> task =
        worker_.Submit([this, &node, path, ctx](Values& outputs) -> absl::Status {
          WEFT_RETURN_IF_ERROR(RunNode(node, path, *ctx));
          outputs = std::move(ctx->outputs());
          return absl::OkStatus();
        });
    for (const auto& [port, slot] : node.outputs) slots_.SetPending(slot, task, port);
    return absl::OkStatus();
  }

  absl::Status RunLoop(const PlannedNode& node, const LoopPlan& loop) {
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
    const int64_t total =
        loop.while_carry >= 0 ? loop.max_rounds : static_cast<int64_t>(over.size());
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
      if (loop.while_carry >= 0) {
        const Carry& carry = loop.carries[static_cast<size_t>(loop.while_carry)];
        const bool* going = slots_.Peek(carry.inside).AsBool();
        if (going != nullptr && !*going) break;
        if (going == nullptr && !dry_) {
          status = Fail(node, Invalid("\"while\" needs a bool in \"", carry.name, "\", not ",
                                      slots_.Peek(carry.inside).kind()));
          break;
        }
        if (dry_ && round >= 1) break;
      }
      if (dry_ && round >= kDryRounds) {
        for (List& list : collected) list.push_back(Twin(list.back()));
        continue;
      }
      rounds_.back().second = round;
      status = RunRound(node, loop, over, round, collected);
      if (!status.ok()) break;
      if (environment_.events && !dry_) {
        environment_.events({.kind = Event::Kind::kProgress,
                             .node = node.path,
                             .type = node.type,
                             .done = round + 1,
                             .total = loop.while_carry >= 0 ? 0 : total});
      }
    }
    rounds_.pop_back();
    WEFT_RETURN_IF_ERROR(status);
    if (loop.while_carry >= 0 && round == total && !dry_) {
      return Fail(node, absl::ResourceExhaustedError(absl::StrCat(
                            "still going after ", total, " rounds; raise \"max_rounds\"")));
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

  absl::Status RunRound(const PlannedNode& node, const LoopPlan& loop, const List& over,
                        int64_t round, std::vector<List>& collected) {
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
    for (size_t i = 0; i < next.size(); ++i) {
      slots_.Set(loop.carries[i].inside, std::move(next[i]));
      if (unknown[i]) slots_.SetUnknown(loop.carries[i].inside);
    }
    return absl::OkStatus();
  }

  // A body's result has been handed on: its slot lets go, so that what holds it now is alone.
  void FreeResult(const Block& body, const Source& result) {
    if (result.kind == Source::Kind::kSlot && IsMadeIn(body, result.slot)) slots_.Free(result.slot);
  }

  static bool IsMadeIn(const Block& block, Slot slot) {
    return std::any_of(block.begin(), block.end(), [slot](const PlannedNode& node) {
      return std::any_of(node.outputs.begin(), node.outputs.end(),
                         [slot](const auto& output) { return output.second == slot; });
    });
  }

  // What one more round would collect: the same, in memory of its own.
  Value Twin(const Value& value) const {
    const Tensor* tensor = value.AsTensor();
    if (tensor == nullptr || !tensor->is_meta()) return value;
    absl::StatusOr<Tensor> twin = Tensor::Allocate(allocator_, tensor->dtype(), tensor->shape());
    return twin.ok() ? Value(*std::move(twin)) : value;
  }

  absl::Status RunIf(const PlannedNode& node, const IfPlan& plan) {
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

  absl::Status MarkUnknown(const PlannedNode& node) {
    for (const auto& [port, slot] : node.outputs) slots_.SetUnknown(slot);
    return absl::OkStatus();
  }

  const Plan& plan_;
  Environment environment_;
  EventSink user_events_;
  absl::Mutex events_mutex_;
  const bool dry_;
  Allocator allocator_;
  const Clock::time_point began_ = Clock::now();
  std::vector<std::pair<const PlannedNode*, int64_t>> rounds_;  // the loops around
  LightWorker worker_;
  Slots slots_;
};

}  // namespace

absl::StatusOr<RunResult> Execute(const Plan& plan, const Environment& environment) {
  Executor executor(plan, environment, false);
  WEFT_RETURN_IF_ERROR(executor.Run());
  RunResult result;
  WEFT_ASSIGN_OR_RETURN(result.outputs, executor.Outputs());
  result.peak_bytes = executor.peak();
  result.seconds = executor.seconds();
  return result;
}

absl::StatusOr<DryRunResult> DryRun(const Plan& plan, const Environment& environment) {
  Executor executor(plan, environment, true);
  const absl::Status status = executor.Run();
  if (!executor.problems.empty()) return ToStatus(executor.problems);
  WEFT_RETURN_IF_ERROR(status);
  DryRunResult result;
  WEFT_ASSIGN_OR_RETURN(const Values outputs, executor.Outputs());
  for (const auto& [name, value] : outputs) result.outputs[name] = Describe(value);
  result.nodes = std::move(executor.dry_nodes);
  result.peak_bytes = executor.peak();
  return result;
}

}  // namespace weft
