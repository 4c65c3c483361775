#ifndef WEFT_PYTHON_GRAPH_H_
#define WEFT_PYTHON_GRAPH_H_

#include <pybind11/pybind11.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/graph/graph_builder.h"
#include "runtime/pipeline.h"

namespace weft::python {

namespace py = pybind11;

// A graph that Python has loaded or is writing.
class GraphHandle {
 public:
  GraphHandle(GraphDef graph, std::string folder);

  const std::string& folder() const { return folder_; }
  const GraphDef& graph() const { return builder_.graph(); }
  // For steps that change the graph.
  GraphBuilder& Change();
  // The graph as it is now; runs keep it while the graph may be changed.
  std::shared_ptr<const Pipeline> pipeline();

 private:
  std::string folder_;
  GraphBuilder builder_;
  std::shared_ptr<const Pipeline> pipeline_;  // null: has to be made anew
};

// Where a value of a graph under construction comes from.
struct WireHandle {
  std::shared_ptr<GraphHandle> graph;
  Wire wire;
  std::string type;
};

// What feeds an input: a wire, several wires, or a literal; nothing for None. `name` is for errors.
std::optional<InputDef> InputFromPython(const GraphHandle& graph, const std::string& name,
                                        py::handle object, int line);

void BindGraph(py::module_& module);
void BindBuilder(py::class_<GraphHandle, std::shared_ptr<GraphHandle>>& graph);

}  // namespace weft::python

#endif  // WEFT_PYTHON_GRAPH_H_
