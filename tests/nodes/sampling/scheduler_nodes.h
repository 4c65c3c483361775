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

NodeType SamplerSchedulerNode();

NodeType DDIMInverseSchedulerNode();
NodeType DDIMSchedulerNode();
NodeType DDPMSchedulerNode();
NodeType DEISMultistepSchedulerNode();
NodeType DPMSolverMultistepSchedulerNode();
NodeType DPMSolverSDESchedulerNode();
NodeType DPMSolverSinglestepSchedulerNode();
NodeType EDMDPMSolverMultistepSchedulerNode();
NodeType EDMEulerSchedulerNode();
NodeType EulerAncestralDiscreteSchedulerNode();
NodeType EulerDiscreteSchedulerNode();
NodeType HeunDiscreteSchedulerNode();
NodeType IPNDMSchedulerNode();
NodeType KDPM2AncestralDiscreteSchedulerNode();
NodeType KDPM2DiscreteSchedulerNode();
NodeType LCMSchedulerNode();
NodeType LMSDiscreteSchedulerNode();
NodeType PNDMSchedulerNode();
NodeType SASolverSchedulerNode();
NodeType TCDSchedulerNode();
NodeType UniPCMultistepSchedulerNode();

inline const std::map<std::string, NodeType>& SchedulerNodes() {
  static const auto& nodes = *new std::map<std::string, NodeType>{
      {"DDIMInverseScheduler", DDIMInverseSchedulerNode()},
      {"DDIMScheduler", DDIMSchedulerNode()},
      {"DDPMScheduler", DDPMSchedulerNode()},
      {"DEISMultistepScheduler", DEISMultistepSchedulerNode()},
      {"DPMSolverMultistepScheduler", DPMSolverMultistepSchedulerNode()},
      {"DPMSolverSDEScheduler", DPMSolverSDESchedulerNode()},
      {"DPMSolverSinglestepScheduler", DPMSolverSinglestepSchedulerNode()},
      {"EDMDPMSolverMultistepScheduler", EDMDPMSolverMultistepSchedulerNode()},
      {"EDMEulerScheduler", EDMEulerSchedulerNode()},
      {"EulerAncestralDiscreteScheduler", EulerAncestralDiscreteSchedulerNode()},
      {"EulerDiscreteScheduler", EulerDiscreteSchedulerNode()},
      {"HeunDiscreteScheduler", HeunDiscreteSchedulerNode()},
      {"IPNDMScheduler", IPNDMSchedulerNode()},
      {"KDPM2AncestralDiscreteScheduler", KDPM2AncestralDiscreteSchedulerNode()},
      {"KDPM2DiscreteScheduler", KDPM2DiscreteSchedulerNode()},
      {"LCMScheduler", LCMSchedulerNode()},
      {"LMSDiscreteScheduler", LMSDiscreteSchedulerNode()},
      {"PNDMScheduler", PNDMSchedulerNode()},
      {"SASolverScheduler", SASolverSchedulerNode()},
      {"TCDScheduler", TCDSchedulerNode()},
      {"UniPCMultistepScheduler", UniPCMultistepSchedulerNode()},
  };
  return nodes;
}

}  // namespace weft

#endif  // WEFT_TESTS_NODES_SAMPLING_SCHEDULER_NODES_H_
