// Graphs in Python: loading, looking at them, running them.

#include "python/graph.h"

#include <pybind11/stl.h>

#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "python/errors.h"
#include "python/run_state.h"
#include "python/session.h"
#include "python/values.h"
#include "runtime/graph/graph_json.h"

namespace weft::python {
namespace {

using Graph = std::shared_ptr<GraphHandle>;

const Runtime& SharedRuntime() { return Session::Get().weft->runtime(); }

py::list DescribePorts(const Ordered<PortSpec>& ports) {
  py::list described;
  for (const auto& [name, port] : ports) described.append(DescribePort(name, port));
  return described;
}

// Rather all that is wrong with the graph than the one thing that hides what it means.
[[noreturn]] void ThrowAllProblems(const Pipeline& pipeline, const absl::Status& status) {
  ThrowIfError(pipeline.MakePlan({}).status());
  Throw(status);
}

Signature InterfaceOf(const Pipeline& pipeline) {
  absl::StatusOr<Signature> signature = pipeline.Interface();
  if (!signature.ok()) ThrowAllProblems(pipeline, signature.status());
  return *std::move(signature);
}

// Values by name, each as the port of that name wants it; the plan reports unknown names.
absl::btree_map<std::string, Value> ValuesFor(const Ordered<PortSpec>& ports,
                                              const py::dict& given) {
  absl::btree_map<std::string, Value> values;
  for (const auto& [key, object] : given) {
    const auto name = key.cast<std::string>();
    const PortSpec* port = FindIn(ports, name);
    values[name] = FromPython(object, port != nullptr ? port->type : Type{"any"});
  }
  return values;
}

RunOptions MakeOptions(const Signature& signature, const py::dict& params, const py::dict& inputs,
                       const std::string& precision, const std::string& memory) {
  RunOptions options;
  options.compute = ComputeFor(precision);
  options.memory = MemoryFor(memory);
  options.overrides.params = ValuesFor(signature.params, params);
  options.overrides.inputs = ValuesFor(signature.inputs, inputs);
  return options;
}

py::dict DescribeDryRun(const DryRunResult& result, DType compute) {
  py::list nodes;
  for (const DryRunNode& node : result.nodes) {
    py::dict gives;
    for (const auto& [port, what] : node.outputs) gives[py::str(port)] = what;
    py::dict described;
    described["path"] = node.path;
    described["type"] = node.type;
    described["outputs"] = gives;
    described["live_bytes"] = node.live_bytes;
    described["peak_bytes"] = node.peak_bytes;
    described["kept_bytes"] = node.kept_bytes;
    described["streamed_bytes"] = node.streamed_bytes;
    nodes.append(described);
  }
  py::dict outputs;
  for (const auto& [name, what] : result.outputs) outputs[py::str(name)] = what;
  py::dict described;
  described["nodes"] = nodes;
  described["outputs"] = outputs;
  described["peak_bytes"] = result.peak_bytes;
  described["precision"] = std::string(Name(compute));
  if (result.memory.has_value()) {
    py::dict memory;
    memory["budget_bytes"] = result.memory->budget;
    memory["least_bytes"] = result.memory->least;
    memory["everything_bytes"] = result.memory->everything;
    memory["all_kept"] = result.memory->all_kept;
    described["memory"] = memory;
  }
  return described;
}

py::dict Check(const Graph& graph, const py::dict& params, const py::dict& inputs,
               const std::string& precision, const std::string& memory) {
  const std::shared_ptr<const Pipeline> pipeline = graph->pipeline();
  RunOptions options = MakeOptions(InterfaceOf(*pipeline), params, inputs, precision, memory);
  const auto state = std::make_shared<RunState>(Callbacks());
  state->AddTo(options);
  absl::StatusOr<DryRunResult> result;
  state->Run([&] {
    result = pipeline->Check(options);
    return result.status();
  });
  return DescribeDryRun(*result, options.compute);
}

py::dict Run(const Graph& graph, const py::dict& params, const py::dict& inputs,
             const std::string& precision, const std::string& memory, const std::string& out,
             bool allow_outside_paths, const py::object& on_step, const py::object& on_progress,
             const py::object& on_preview) {
  const std::shared_ptr<const Pipeline> pipeline = graph->pipeline();
  const Signature signature = InterfaceOf(*pipeline);
  RunOptions options = MakeOptions(signature, params, inputs, precision, memory);
  options.output_folder = out;
  options.allow_outside_paths = allow_outside_paths;
  const auto shared = [](const py::object& callback) {
    return callback.is_none() ? SharedPyObject() : SharedPyObject(callback);
  };
  const auto state = std::make_shared<RunState>(
      Callbacks{shared(on_step), shared(on_progress), shared(on_preview)});
  state->AddTo(options);
  absl::StatusOr<RunResult> result;
  std::shared_ptr<const std::string> description;
  state->Run([&] {
    result = pipeline->Run(options);
    if (!result.ok()) return result.status();
    absl::StatusOr<std::string> text = pipeline->Describe(options);
    if (text.ok()) description = std::make_shared<const std::string>(*std::move(text));
    return text.status();
  });
  py::dict outputs;
  for (const auto& [name, port] : signature.outputs) {
    const auto it = result->outputs.find(name);
    if (it == result->outputs.end()) continue;
    outputs[py::str(name)] = ToPython(it->second, port.type, description);
  }
  py::dict all;
  all["outputs"] = outputs;
  all["seconds"] = result->seconds;
  all["peak_bytes"] = result->peak_bytes;
  all["notices"] = state->TakeNotices();
  all["files"] = state->files();
  all["description"] = *description;
  return all;
}

Graph Load(const std::string& name) {
  const std::string path = ValueOrThrow(Session::Get().weft->FindGraph(name));
  absl::StatusOr<Pipeline> pipeline;
  {
    const py::gil_scoped_release unlocked;
    pipeline = Pipeline::Load(path, SharedRuntime());
  }
  ThrowIfError(pipeline.status());
  return std::make_shared<GraphHandle>(pipeline->graph(), pipeline->folder());
}

}  // namespace

GraphHandle::GraphHandle(GraphDef graph, std::string folder)
    : folder_(std::move(folder)),
      builder_(std::move(graph), Session::Get().weft->registry(),
               MakeComposites(SharedRuntime(), folder_)) {}

GraphBuilder& GraphHandle::Change() {
  pipeline_ = nullptr;
  return builder_;
}

std::shared_ptr<const Pipeline> GraphHandle::pipeline() {
  if (builder_.is_open()) ThrowArgument("a Loop or an If of this graph is still being written");
  if (pipeline_ == nullptr) {
    pipeline_ =
        std::make_shared<const Pipeline>(Pipeline::Of(builder_.graph(), folder_, SharedRuntime()));
  }
  return pipeline_;
}

void BindGraph(py::module_& module) {
  py::class_<WireHandle>(module, "Wire")
      .def(py::init([](const WireHandle& other) { return other; }))
      .def(py::init([](const Graph& graph, const std::string& node, const std::string& port,
                       const std::vector<std::string>& fields, const std::string& type) {
        return WireHandle{graph, Wire{node, port, fields}, type};
      }))
      .def_property_readonly("wire_graph", [](const WireHandle& self) { return self.graph; })
      .def_property_readonly("wire_node", [](const WireHandle& self) { return self.wire.node; })
      .def_property_readonly("wire_port", [](const WireHandle& self) { return self.wire.port; })
      .def_property_readonly("wire_fields", [](const WireHandle& self) { return self.wire.fields; })
      .def_property_readonly("wire_type", [](const WireHandle& self) { return self.type; })
      .def("__str__", [](const WireHandle& self) { return self.wire.ToString(); })
      .def("__repr__", [](const WireHandle& self) {
        return absl::StrCat("<weft.Wire ", self.wire.ToString(), ": ", self.type, ">");
      });
  py::class_<GraphHandle, Graph> graph(module, "Graph");
  graph
      .def(py::init([](const std::string& title, const std::string& doc, const std::string& folder,
                       const std::string& file) {
        GraphDef def;
        def.title = title;
        def.doc = doc;
        def.file = file;
        return std::make_shared<GraphHandle>(std::move(def), folder);
      }))
      .def_static("load", &Load)
      .def_static("from_json",
                  [](const std::string& text, const std::string& folder) {
                    return std::make_shared<GraphHandle>(
                        ValueOrThrow(ParseGraphJson(text, "the graph")), folder);
                  })
      .def_property_readonly("title", [](const Graph& self) { return self->graph().title; })
      .def_property_readonly("doc", [](const Graph& self) { return self->graph().doc; })
      .def_property_readonly("file", [](const Graph& self) { return self->graph().file; })
      .def_property_readonly("folder", [](const Graph& self) { return self->folder(); })
      .def("to_json", [](const Graph& self) { return ToJson(self->graph()); })
      .def("draw", [](const Graph& self) { return self->pipeline()->Draw(); })
      .def("interface",
           [](const Graph& self) {
             const Signature signature = InterfaceOf(*self->pipeline());
             return py::make_tuple(DescribePorts(signature.params), DescribePorts(signature.inputs),
                                   DescribePorts(signature.outputs));
           })
      .def("node_ids",
           [](const Graph& self) {
             std::vector<std::string> ids;
             for (const auto& [id, node] : self->graph().nodes) ids.push_back(id);
             return ids;
           })
      .def("check", &Check)
      .def("run", &Run);
  BindBuilder(graph);
}

}  // namespace weft::python
