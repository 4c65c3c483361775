#ifndef WEFT_RUNTIME_GRAPH_PLAN_H_
#define WEFT_RUNTIME_GRAPH_PLAN_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "runtime/graph/composites.h"
#include "runtime/graph/graph_def.h"
#include "runtime/graph/problem.h"
#include "runtime/graph/registry.h"

namespace weft {

// A graph made ready to run: composites opened, every wire resolved to a slot, every literal
// checked, nodes in an order that respects the wires, nothing left that no output or effect needs.

using Slot = int;

// Where a value comes from at run time.
struct Source {
  enum class Kind { kNone, kLiteral, kSlot, kList };
  Kind kind = Kind::kNone;
  Value literal;
  Slot slot = -1;
  std::vector<std::string> fields;  // picked out of a record, after the slot is read
  std::vector<Source> items;        // of kList
};

struct PlannedNode;
using Block = std::vector<PlannedNode>;

struct Carry {
  std::string name;
  Source initial;
  Source next;
  Slot inside = -1;   // read in the body
  Slot outside = -1;  // the value after the last round
};
struct Collect {
  std::string name;
  Source item;
  Slot outside = -1;
};
struct LoopPlan {
  Source over;             // a list; kNone for a loop with `while` alone
  int while_carry = -1;    // the index among the carries of the bool that keeps it going
  int64_t max_rounds = 0;  // of a loop with `while` alone
  Slot item = -1;
  Slot index = -1;
  std::vector<Carry> carries;
  std::vector<Collect> collects;
  Block body;
};
struct Branch {
  Block block;
  std::vector<Source> results;  // in the order of IfPlan::outputs
};
struct IfPlan {
  Source condition;
  Branch then;
  Branch otherwise;
  std::vector<Slot> outputs;
};

struct PlannedInput {
  std::string port;
  Type type;
  Source source;
  std::string from;  // the wire as it was written, for errors; "" for literals
  int line = 0;
};

struct PlannedNode {
  std::string path;  // "denoise/loop/noise"
  std::string type;
  std::shared_ptr<const NodeType> node;  // null for control nodes
  std::string file;
  int line = 0;
  std::vector<PlannedInput> inputs;
  std::vector<std::pair<std::string, Slot>> outputs;  // wanted ones alone
  std::unique_ptr<LoopPlan> loop;
  std::unique_ptr<IfPlan> conditional;
  std::vector<Slot> last_uses;  // slots that nothing after this node reads
};

struct PlannedOutput {
  std::string name;
  Type type;
  Source source;
  std::string from;
};

struct Plan {
  Block nodes;
  int slots = 0;
  std::vector<PlannedOutput> outputs;
  Ordered<PortSpec> params;  // of the graph, `like` resolved
};

// Values given from outside: --param and --set.
struct Overrides {
  absl::btree_map<std::string, Value> params;  // by the graph param's name
  absl::btree_map<std::string, Value> inputs;  // by "node.port" or "composite.node.port"
};

// Checks the whole graph and reports every problem at once (see ProblemsOf). The registry must
// outlive the plan.
absl::StatusOr<Plan> MakePlan(const GraphDef& graph, const Registry& registry,
                              Composites& composites, const Overrides& overrides);

// The graph with all composites that it uses, at any depth, inlined: it means the same anywhere.
absl::StatusOr<GraphDef> Inlined(const GraphDef& graph, const Registry& registry,
                                 Composites& composites);

// What is wrong with a graph whatever its params will be: the check of graphs that are still being
// written.
std::vector<Problem> ProblemsWithoutValues(const GraphDef& graph, const Registry& registry,
                                           Composites& composites);

// The params of a graph as ports, with `like` resolved. Needs no values.
absl::StatusOr<Ordered<PortSpec>> ParamsOf(const GraphDef& graph, const Registry& registry,
                                           Composites& composites);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_PLAN_H_
