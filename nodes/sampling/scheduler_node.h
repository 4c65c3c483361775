#ifndef WEFT_NODES_SAMPLING_SCHEDULER_NODE_H_
#define WEFT_NODES_SAMPLING_SCHEDULER_NODE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nodes/sampling/scheduler.h"
#include "nodes/sampling/scheduler_options.h"
#include "runtime/graph/node.h"

namespace weft {

// What differs between the nodes that make schedulers.
struct SchedulerClass {
  std::string type;  // diffusers' class
  std::string doc;
  SchedulerOptions defaults;
  std::vector<OptionUse> options;
  std::function<absl::StatusOr<std::shared_ptr<const Scheduler>>(const SchedulerOptions&)> make;
};

// The node of a scheduler: inputs config? and its options, output scheduler.
NodeType SchedulerNode(SchedulerClass scheduler);

}  // namespace weft

#endif  // WEFT_NODES_SAMPLING_SCHEDULER_NODE_H_
