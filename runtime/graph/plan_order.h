#ifndef WEFT_RUNTIME_GRAPH_PLAN_ORDER_H_
#define WEFT_RUNTIME_GRAPH_PLAN_ORDER_H_

#include <vector>

#include "runtime/graph/plan.h"

namespace weft {

// Puts the nodes of every block in an order in which each comes after those it reads, drops nodes
// that no output and no effect needs, and notes after which node each slot is read no more.
// Private to the planner. A cycle is noted with its path.
void OrderPlan(Plan& plan, const GraphDef& graph, std::vector<Problem>& problems);

// Every slot that `node` reads, those that the bodies inside it read included.
std::vector<Slot> Reads(const PlannedNode& node);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_PLAN_ORDER_H_
