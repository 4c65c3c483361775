#ifndef WEFT_RUNTIME_EXEC_SLOTS_H_
#define WEFT_RUNTIME_EXEC_SLOTS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/exec/light_worker.h"
#include "runtime/graph/plan.h"

namespace weft {

// The values of a run that are alive, by the plan's slots. Only the thread that runs the heavy
// nodes touches it: what a light node makes comes in when it is first read.
class Slots {
 public:
  Slots(int count, LightWorker& worker) : states_(static_cast<size_t>(count)), worker_(worker) {}

  void Set(Slot slot, Value value);
  // The slot will be filled by output `port` of a light node's task.
  void SetPending(Slot slot, std::shared_ptr<LightWorker::Task> task, std::string port);
  // A dry run could not tell what it will hold.
  void SetUnknown(Slot slot) { At(slot).unknown = true; }
  // Lets go of the value. What is still being made is kept: its error must not be lost.
  void Free(Slot slot);

  bool IsUnknown(const Source& source) const;
  // Waits for the light node that makes it, if there is one. `last`: the value moves out of its
  // slot, so that whoever gets it may hold the only reference.
  absl::StatusOr<Value> Read(const Source& source, bool last = false);
  // The value in a slot that no light node is filling.
  const Value& Peek(Slot slot) const { return states_[static_cast<size_t>(slot)].value; }
  bool IsUnknown(Slot slot) const { return states_[static_cast<size_t>(slot)].unknown; }

 private:
  struct State {
    Value value;
    std::shared_ptr<LightWorker::Task> pending;
    std::string port;  // of the pending task
    bool unknown = false;
  };
  State& At(Slot slot) { return states_[static_cast<size_t>(slot)]; }

  std::vector<State> states_;
  LightWorker& worker_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_EXEC_SLOTS_H_
