#ifndef WEFT_RUNTIME_GRAPH_GRAPH_BUILDER_H_
#define WEFT_RUNTIME_GRAPH_GRAPH_BUILDER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/graph/composites.h"
#include "runtime/graph/contract.h"
#include "runtime/graph/graph_def.h"
#include "runtime/graph/registry.h"

namespace weft {

// A graph that a program writes, step by step. Every step is checked when it is taken, with the
// checks of the plan, so that an error belongs to the line of the program that made it; a step
// that is refused leaves the graph as it was.
class GraphBuilder {
 public:
  // `registry` must outlive it. `start` may hold title, doc and file.
  GraphBuilder(GraphDef start, const Registry& registry, Composites composites)
      : graph_(std::move(start)), registry_(registry), composites_(std::move(composites)) {}
  GraphBuilder(const GraphBuilder&) = delete;
  GraphBuilder& operator=(const GraphBuilder&) = delete;

  // From here on graph.NAME can be wired. ALREADY_EXISTS for a name that is taken.
  absl::Status AddParam(const std::string& name, ParamDef param);
  // Adds a node to the innermost open body, or to the graph. Returns its id: `id`, or if that is
  // "" one made from the type ("vae_decode", "vae_decode_2").
  absl::StatusOr<std::string> AddNode(std::string id, NodeDef node);
  // What is added from here on stands in the loop's body, where <id>.item, .index and the carried
  // names can be wired. `loop` comes without a body.
  absl::StatusOr<std::string> OpenLoop(std::string id, NodeDef loop);
  absl::Status CloseLoop(Ordered<InputDef> next, Ordered<InputDef> collect);
  // What is added from here on stands in the `then` of an If; after Else, in its `else`.
  absl::StatusOr<std::string> OpenIf(std::string id, NodeDef conditional);
  absl::Status Else(Ordered<InputDef> then_outputs);
  absl::Status CloseIf(Ordered<InputDef> else_outputs);
  // Leaves out the innermost open Loop or If: its body went wrong.
  void Abandon();
  absl::Status AddOutput(const std::string& name, InputDef output);

  // The outputs of a node that stands where nodes are being added, or around there; of an open
  // loop what its body can wire. Types of control nodes' outputs are "any".
  absl::StatusOr<std::vector<PortSpec>> OutputsOf(const std::string& id);

  bool is_open() const { return !open_.empty(); }  // a Loop or If waits to be closed
  const GraphDef& graph() const { return graph_; }
  GraphDef& graph() { return graph_; }

 private:
  struct Open {
    std::string id;
    Ordered<NodeDef>* around;  // where the control node itself stands
    BodyDef* body;
    bool in_else = false;
  };

  Ordered<NodeDef>& Here() { return open_.empty() ? graph_.nodes : open_.back().body->nodes; }
  NodeDef& OpenNode();
  bool IsTaken(const std::string& id) const;
  absl::StatusOr<std::string> Append(std::string id, NodeDef node);
  // The problems of the node `id` that stands below `open_`, as an error.
  absl::Status Check(const std::string& id, bool with_results);
  absl::StatusOr<std::string> OpenControl(std::string id, NodeDef node);

  GraphDef graph_;
  const Registry& registry_;
  Composites composites_;
  std::vector<Open> open_;
};

// "EncodePrompt" → "encode_prompt".
std::string SnakeCase(absl::string_view type);

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_GRAPH_BUILDER_H_
