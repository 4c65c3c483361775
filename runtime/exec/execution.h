#ifndef WEFT_RUNTIME_EXEC_EXECUTION_H_
#define WEFT_RUNTIME_EXEC_EXECUTION_H_

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "runtime/exec/executor.h"
#include "runtime/exec/light_worker.h"
#include "runtime/exec/slots.h"

namespace weft {

// One run of a plan, with memory or (dry) without. Private to the executor.
class Execution {
 public:
  Execution(const Plan& plan, const Environment& environment, bool dry);

  absl::Status Run();
  absl::StatusOr<absl::btree_map<std::string, Value>> Outputs();

  std::vector<Problem> problems;  // of a dry run
  std::vector<DryRunNode> dry_nodes;
  size_t peak() const { return allocator_.meter()->peak(); }
  double seconds() const;

 private:
  using Values = absl::btree_map<std::string, Value>;

  // execution.cc: blocks and nodes.
  absl::Status RunBlock(const Block& block);
  absl::Status RunOne(const PlannedNode& node);
  // `path`: the node's display path, as it was when the node was reached.
  absl::Status RunNode(const PlannedNode& node, const std::string& path, NodeContext& ctx);
  absl::Status CheckInput(const PlannedNode& node, const PlannedInput& input, const Value& value);
  absl::Status Store(const PlannedNode& node, NodeContext& ctx);
  absl::Status Submit(const PlannedNode& node, const std::shared_ptr<NodeContext>& ctx);
  absl::Status CheckCancelled() const;
  // What has been freed goes back to the system where it is much.
  void GiveBack();
  absl::Status MarkUnknown(const PlannedNode& node);
  void NoteDry(const PlannedNode& node);
  // "denoise/loop[3]/noise": the node's path with the rounds of the loops around it.
  std::string DisplayPath(const PlannedNode& node) const;
  absl::Status Fail(const PlannedNode& node, const absl::Status& status) const;
  // For light nodes, whose thread must not look at the rounds of the loops: `path` is the display
  // path as it was when the node was reached.
  static absl::Status Fail(const PlannedNode& node, const absl::Status& status, std::string path);
  // A value read once by this node, and by none after it, moves in: kernels may work in place.
  static bool MayMove(const PlannedNode& node, const Source& source);

  // What the program has put in place of an input, or null.
  const Value* Replacement(const PlannedNode& node, const std::string& port) const;
  // A program may hand in tensors; a dry run sees their shapes alone.
  Value WithoutMemory(const Value& value) const;

  // control_nodes.cc: Loop and If.
  absl::Status RunLoop(const PlannedNode& node, const LoopPlan& loop);
  // Whether another round is to be run.
  absl::StatusOr<bool> GoesOn(const PlannedNode& node, const LoopPlan& loop, int64_t round);
  absl::Status RunRound(const PlannedNode& node, const LoopPlan& loop, const List& over,
                        int64_t total, std::vector<List>& collected);
  // Lets the program that runs the graph look at a round, and change what comes next.
  absl::Status ShowRound(const PlannedNode& node, const LoopPlan& loop, int64_t total,
                         const std::vector<List>& collected, std::vector<Value>& next);
  // Puts `value` in place of the input `name` of the nodes in a loop's body.
  absl::Status Replace(const PlannedNode& loop, const Block& body, const std::string& name,
                       const Value& value);
  absl::Status RunIf(const PlannedNode& node, const IfPlan& plan);
  // A body's result has been handed on: its slot lets go, so that what holds it now is alone.
  void FreeResult(const Block& body, const Source& result);
  // What one more round would collect: the same, in memory of its own.
  Value Twin(const Value& value) const;

  const Plan& plan_;
  Environment environment_;
  EventSink user_events_;
  absl::Mutex events_mutex_;
  const bool dry_;
  Allocator allocator_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  // The loops around, and which round each is in.
  std::vector<std::pair<const PlannedNode*, int64_t>> rounds_;
  bool stopped_ = false;  // the round that was shown is to be its loop's last
  // What the program has put in place of inputs in the bodies of loops, by "denoise/loop/noise.x".
  Values replaced_;
  size_t held_ = 0;        // the most bytes alive between nodes since memory was last given back
  size_t noted_kept_ = 0;  // of the budget's counts, what the nodes so far stand for
  size_t noted_streamed_ = 0;
  LightWorker worker_;
  Slots slots_;
};

// Where a node stands, for errors.
Problem Where(const PlannedNode& node, std::string path);

}  // namespace weft

#endif  // WEFT_RUNTIME_EXEC_EXECUTION_H_
