#ifndef WEFT_RUNTIME_GRAPH_FRAME_H_
#define WEFT_RUNTIME_GRAPH_FRAME_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "runtime/graph/plan.h"

namespace weft {

// The names that wires can mean, while a plan is being made. Private to the planner.

struct Frame;

// A node as its neighbours see it.
struct Entry {
  std::string id;
  const NodeDef* def = nullptr;
  std::shared_ptr<const NodeType> type;        // a registered node
  std::unique_ptr<Frame> composite;            // a composite
  std::unique_ptr<Frame> body;                 // Loop, or the `then` of If
  std::unique_ptr<Frame> else_body;            // If
  absl::btree_map<std::string, Slot> outputs;  // of a registered or a control node
  absl::btree_map<std::string, Slot> inside;   // of a Loop, for its body: item, index, carries
  bool broken = false;                         // unknown type: wires to it are not reported again
};

// A list of nodes: a graph, an open composite (closed to its surroundings: it sees graph.* alone),
// or the body of a control node (which sees the frames around it).
struct Frame {
  const GraphDef* graph = nullptr;
  Frame* around = nullptr;      // of a body
  const Entry* loop = nullptr;  // whose body this is
  Frame* caller = nullptr;      // of a composite
  const Entry* call = nullptr;  // the node that it stands for
  std::string path;             // "denoise/": put before ids
  std::string json_path;        // "nodes."
  std::vector<std::unique_ptr<Entry>> entries;

  Entry* Find(absl::string_view id) const;
  Entry* FindBelow(absl::string_view id) const;  // in the bodies of control nodes too
  std::vector<std::string> Ids() const;
  // The graph or composite that this frame belongs to.
  const Frame& Closed() const { return around == nullptr ? *this : around->Closed(); }
};

// What a wire or a param comes to.
struct Resolved {
  bool known = false;  // false: an error that has been reported already
  Source source;       // kNone: deliberately nothing (an optional param of a composite)
  Type type;
};

// Gives names their meaning. Notes every problem that it meets.
class Resolver {
 public:
  Resolver(const Registry& registry, Composites& composites, const Overrides& overrides)
      : registry_(registry), composites_(composites), overrides_(overrides) {}

  // Fills `frame` with entries for `nodes`, opening composites and bodies.
  void Declare(Frame& frame, const Ordered<NodeDef>& nodes);
  // `at` is where the wire stands, for errors.
  Resolved Follow(const Frame& frame, const Wire& wire, const Problem& at);
  Resolved Resolve(const Frame& frame, const InputDef& input, const Problem& at);
  // The value of graph.NAME inside `frame`, a closed one.
  Resolved Param(const Frame& frame, const std::string& name, const Problem& at);
  // A param as a port. A problem is noted where its `like` leads nowhere.
  PortSpec Spec(const Frame& frame, const std::string& name, const ParamDef& param);
  // The override of an input, or null.
  const Value* Override(const Frame& frame, const Entry& entry, const std::string& port);
  Type TypeOf(Slot slot);

  Problem At(const Frame& frame, const Entry& entry, absl::string_view port = "",
             const InputDef* input = nullptr) const;
  void Note(Problem at, std::string message);

  // False: a param without a value stands for one that is still to come.
  bool values_needed = true;
  std::vector<Problem> problems;
  absl::btree_set<std::string> used_overrides;
  std::vector<std::string> known_overrides;
  int slots() const { return static_cast<int>(slots_.size()); }

 private:
  struct SlotInfo {
    Type type;
    std::function<Type()> later;  // of carried values: known once wires can be followed
    bool busy = false;
  };

  Slot NewSlot(Type type) {
    slots_.push_back({std::move(type), nullptr, false});
    return static_cast<Slot>(slots_.size()) - 1;
  }
  Slot NewSlot(std::function<Type()> later) {
    slots_.push_back({Type{"any"}, std::move(later), false});
    return static_cast<Slot>(slots_.size()) - 1;
  }
  std::unique_ptr<Frame> BodyFrame(Frame& around, const Entry& entry, const BodyDef& body,
                                   absl::string_view name);
  void DeclareLoop(Frame& frame, Entry& entry);
  void DeclareIf(Frame& frame, Entry& entry);
  void DeclareComposite(Frame& frame, Entry& entry);
  Type SilentType(const Frame& frame, const InputDef& input);

  const Registry& registry_;
  Composites& composites_;
  const Overrides& overrides_;
  std::vector<SlotInfo> slots_;
  std::vector<const void*> following_;  // composite outputs and params on the way: finds cycles
  bool silent_ = false;
  bool too_many_ = false;  // composites multiplied past all sense: nothing more is opened
};

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_FRAME_H_
