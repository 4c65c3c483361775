#ifndef WEFT_TESTS_NODES_SAMPLING_SCHEDULER_NODES_H_
#define WEFT_TESTS_NODES_SAMPLING_SCHEDULER_NODES_H_

#include <map>
#include <string>

#include "nodes/sampling/generator.h"
#include "nodes/sampling/scheduler.h"
#include "runtime/graph/node.h"

namespace weft {

NodeType TimestepsNode();
NodeType GeneratorNode();
NodeType ScaleNoiseNode();
NodeType AddNoiseNode();
NodeType ScaleInputNode();
NodeType SchedulerStepNode();

NodeType DDPMSchedulerNode();
NodeType DDIMSchedulerNode();
NodeType PNDMSchedulerNode();
NodeType LMSDiscreteSchedulerNode();
NodeType EulerDiscreteSchedulerNode();
NodeType EulerAncestralDiscreteSchedulerNode();
NodeType HeunDiscreteSchedulerNode();
NodeType DPMSolverMultistepSchedulerNode();
NodeType DPMSolverSinglestepSchedulerNode();
NodeType UniPCMultistepSchedulerNode();
NodeType LCMSchedulerNode();

inline const std::map<std::string, NodeType>& SchedulerNodes() {
  static const auto& nodes = *new std::map<std::string, NodeType>{
      {"DDPMScheduler", DDPMSchedulerNode()},
      {"DDIMScheduler", DDIMSchedulerNode()},
      {"PNDMScheduler", PNDMSchedulerNode()},
      {"LMSDiscreteScheduler", LMSDiscreteSchedulerNode()},
      {"EulerDiscreteScheduler", EulerDiscreteSchedulerNode()},
      {"EulerAncestralDiscreteScheduler", EulerAncestralDiscreteSchedulerNode()},
      {"HeunDiscreteScheduler", HeunDiscreteSchedulerNode()},
      {"DPMSolverMultistepScheduler", DPMSolverMultistepSchedulerNode()},
      {"DPMSolverSinglestepScheduler", DPMSolverSinglestepSchedulerNode()},
      {"UniPCMultistepScheduler", UniPCMultistepSchedulerNode()},
      {"LCMScheduler", LCMSchedulerNode()},
  };
  return nodes;
}

}  // namespace weft

#endif  // WEFT_TESTS_NODES_SAMPLING_SCHEDULER_NODES_H_
