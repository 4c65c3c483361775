#include "runtime/exec/execution.h"

#include <algorithm>
#include <exception>
#include <new>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/exec/process_memory.h"
#include "runtime/graph/plan_order.h"
#include "runtime/tensor/keep_budget.h"

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;

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

}  // namespace

Execution::Execution(const Plan& plan, const Environment& environment, bool dry)
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

absl::Status Execution::Run() {
  absl::Status status = RunBlock(plan_.nodes);
  // What is being written is finished, or failed, before anyone is told that the run ended.
  const absl::Status light = worker_.Drain();
  return status.ok() ? light : status;
}

absl::StatusOr<absl::btree_map<std::string, Value>> Execution::Outputs() {
  Values outputs;
  for (const PlannedOutput& output : plan_.outputs) {
    if (slots_.IsUnknown(output.source)) continue;
    absl::StatusOr<Value> value = slots_.Read(output.source);
    if (!value.ok()) return Annotate(value.status(), absl::StrCat("output \"", output.name, "\""));
    outputs.emplace(output.name, *std::move(value));
  }
  return outputs;
}

double Execution::seconds() const { return Seconds(began_); }

std::string Execution::DisplayPath(const PlannedNode& node) const {
  std::string path;
  size_t done = 0;
  for (const auto& [loop, round] : rounds_) {
    const std::string& plain = loop->path;
    absl::StrAppend(&path, plain.substr(done), "[", round, "]");
    done = plain.size();
  }
  return path + node.path.substr(done);
}

Problem Where(const PlannedNode& node, std::string path) {
  return {.file = node.file, .line = node.line, .node = std::move(path), .type = node.type};
}

absl::Status Execution::Fail(const PlannedNode& node, const absl::Status& status) const {
  return Fail(node, status, DisplayPath(node));
}

absl::Status Execution::Fail(const PlannedNode& node, const absl::Status& status,
                             std::string path) {
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

absl::Status Execution::CheckCancelled() const {
  if (environment_.cancelled == nullptr || !*environment_.cancelled) return absl::OkStatus();
  return absl::CancelledError("the run was cancelled");
}

absl::Status Execution::RunBlock(const Block& block) {
  for (const PlannedNode& node : block) {
    WEFT_RETURN_IF_ERROR(CheckCancelled());
    absl::Status status = RunOne(node);
    if (!status.ok()) {
      if (!dry_) return status;
      for (Problem& problem : ProblemsOf(status)) problems.push_back(std::move(problem));
      for (const auto& [port, slot] : node.outputs) slots_.SetUnknown(slot);
    }
    for (const Slot slot : node.last_uses) slots_.Free(slot);
    if (!dry_) GiveBack();
  }
  return absl::OkStatus();
}

void Execution::GiveBack() {
  // A whole part, not the values of a step: those come again at once.
  constexpr size_t kMuch = size_t{64} << 20;
  const size_t live = allocator_.meter()->live();
  if (live + kMuch <= held_) {
    ReleaseFreedMemory();
    held_ = live;
  }
  held_ = std::max(held_, live);
}

absl::Status Execution::RunOne(const PlannedNode& node) {
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
    if (const Value* other = Replacement(node, input.port)) value = *other;
    if (dry_) value = WithoutMemory(*value);
    WEFT_RETURN_IF_ERROR(CheckInput(node, input, *value));
    // Nothing on a wire leaves the port at its default.
    if (value->is_null()) value = node.node->contract.Input(input.port)->fallback;
    if (!value->is_null()) ctx->inputs().emplace(input.port, *std::move(value));
  }
  for (const auto& [port, slot] : node.outputs) ctx->wanted().insert(port);
  ctx->set_node_path(DisplayPath(node));
  if (node.node->contract.light && !dry_) return Submit(node, ctx);
  WEFT_RETURN_IF_ERROR(RunNode(node, ctx->node_path(), *ctx));
  return Store(node, *ctx);
}

const Value* Execution::Replacement(const PlannedNode& node, const std::string& port) const {
  if (replaced_.empty()) return nullptr;
  const auto it = replaced_.find(absl::StrCat(node.path, ".", port));
  return it != replaced_.end() ? &it->second : nullptr;
}

Value Execution::WithoutMemory(const Value& value) const {
  if (const List* list = value.AsList()) {
    const bool plain = std::all_of(list->begin(), list->end(), [](const Value& item) {
      return item.AsTensor() == nullptr || item.AsTensor()->is_meta();
    });
    if (plain) return value;
    List items;
    for (const Value& item : *list) items.push_back(WithoutMemory(item));
    return Value(std::move(items));
  }
  const Tensor* tensor = value.AsTensor();
  if (tensor == nullptr || tensor->is_meta() || tensor->empty()) return value;
  absl::StatusOr<Tensor> twin = Tensor::Allocate(allocator_, tensor->dtype(), tensor->shape());
  return twin.ok() ? Value(*std::move(twin)) : value;
}

bool Execution::MayMove(const PlannedNode& node, const Source& source) {
  if (source.kind != Source::Kind::kSlot || !Contains(node.last_uses, source.slot)) return false;
  const std::vector<Slot> reads = Reads(node);
  return std::count(reads.begin(), reads.end(), source.slot) == 1;
}

absl::Status Execution::CheckInput(const PlannedNode& node, const PlannedInput& input,
                                   const Value& value) {
  const PortSpec& spec = *node.node->contract.Input(input.port);
  const auto refuse = [&](std::string port, std::string message) {
    Problem problem = Where(node, DisplayPath(node));
    problem.line = input.line;
    problem.port = std::move(port);
    problem.message = std::move(message);
    return ToStatus({problem});
  };
  if (value.is_null() && !spec.required) return absl::OkStatus();
  const bool held = spec.holds == nullptr || spec.holds(value);
  if (value.is_null() || !held || !Matches(input.type, value)) {
    return refuse(input.port,
                  absl::StrCat("expects ", input.type.ToString(), ", but \"", input.from,
                               "\" gives ", value.is_null() ? "nothing" : value.kind()));
  }
  // What comes by a wire is in the port's range, and one of its choices, as a literal is.
  if (!spec.min.has_value() && !spec.max.has_value() && spec.choices.empty()) {
    return absl::OkStatus();
  }
  absl::Status within = CheckLiteral(spec, value).status();
  if (within.ok()) return within;
  return refuse("", absl::StrCat(within.message(), " (from \"", input.from, "\")"));
}

absl::Status Execution::RunNode(const PlannedNode& node, const std::string& path,
                                NodeContext& ctx) {
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

absl::Status Execution::Store(const PlannedNode& node, NodeContext& ctx) {
  for (const auto& [port, slot] : node.outputs) {
    if (dry_ && ctx.unknown().contains(port)) {
      slots_.SetUnknown(slot);
      continue;
    }
    const auto it = ctx.outputs().find(port);
    // What a node does not give is nothing: whoever needs it will say so.
    slots_.Set(slot, it != ctx.outputs().end() ? std::move(it->second) : Value());
  }
  if (dry_) NoteDry(node);
  return absl::OkStatus();
}

void Execution::NoteDry(const PlannedNode& node) {
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
  if (environment_.keep == nullptr) return;
  noted.kept_bytes =
      environment_.keep->kept() - std::exchange(noted_kept_, environment_.keep->kept());
  noted.streamed_bytes =
      environment_.keep->streamed() - std::exchange(noted_streamed_, environment_.keep->streamed());
}

absl::Status Execution::Submit(const PlannedNode& node, const std::shared_ptr<NodeContext>& ctx) {
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

absl::Status Execution::MarkUnknown(const PlannedNode& node) {
  for (const auto& [port, slot] : node.outputs) slots_.SetUnknown(slot);
  return absl::OkStatus();
}

}  // namespace weft
