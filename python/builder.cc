// Graphs that Python writes: with weft.Graph() as g.

#include <pybind11/stl.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "python/errors.h"
#include "python/graph.h"
#include "python/tensor.h"
#include "python/values.h"

namespace weft::python {
namespace {

using Graph = std::shared_ptr<GraphHandle>;

const Wire& OwnWire(const GraphHandle& graph, const std::string& name, py::handle object) {
  const auto& handle = object.cast<const WireHandle&>();
  if (handle.graph.get() != &graph) {
    ThrowArgument(absl::StrCat("\"", name, "\" is fed by \"", handle.wire.ToString(),
                               "\", a wire of another graph"));
  }
  return handle.wire;
}

bool IsWritable(const Value& value) {
  if (const List* list = value.AsList()) {
    return std::all_of(list->begin(), list->end(), IsWritable);
  }
  return value.AsTensor() == nullptr && value.AsRecord() == nullptr && value.AsObject() == nullptr;
}

// Inputs in the order in which they were written.
Ordered<InputDef> Inputs(const GraphHandle& graph, const py::dict& given, int line) {
  Ordered<InputDef> inputs;
  for (const auto& [key, object] : given) {
    const auto name = key.cast<std::string>();
    if (std::optional<InputDef> input = InputFromPython(graph, name, object, line)) {
      inputs.emplace_back(name, *std::move(input));
    }
  }
  return inputs;
}

NodeDef NewNode(const GraphHandle& graph, const std::string& type, const py::dict& inputs,
                int line) {
  NodeDef node;
  node.type = type;
  node.line = line;
  node.inputs = Inputs(graph, inputs, line);
  return node;
}

template <typename T>
std::optional<T> Optional(const py::dict& fields, const char* name) {
  if (!fields.contains(name) || fields[name].is_none()) return std::nullopt;
  return fields[name].cast<T>();
}

ParamDef ParamFromPython(const py::dict& fields, int line) {
  ParamDef param;
  param.type = Type::Parse(Optional<std::string>(fields, "type").value_or(""));
  param.like = Optional<std::string>(fields, "like").value_or("");
  param.doc = Optional<std::string>(fields, "doc").value_or("");
  param.min = Optional<double>(fields, "min");
  param.max = Optional<double>(fields, "max");
  param.choices =
      Optional<std::vector<std::string>>(fields, "choices").value_or(std::vector<std::string>());
  param.line = line;
  if (fields.contains("default")) {
    param.fallback = FromPython(fields["default"], param.type);
    if (!IsWritable(*param.fallback)) {
      ThrowArgument("a default is a number, text, a bool or a list of them");
    }
  }
  return param;
}

// Ports that a node declares: {"inputs": {"x": "int"}, "outputs": {"y": {"type": "int", …}}}.
Ordered<ParamDef> DeclaredPorts(const py::dict& ports, const char* side, int line) {
  Ordered<ParamDef> declared;
  if (!ports.contains(side)) return declared;
  for (const auto& [key, port] : ports[side].cast<py::dict>()) {
    py::dict fields;
    if (py::isinstance<py::str>(port)) {
      fields["type"] = port;
    } else {
      fields = port.cast<py::dict>();
    }
    declared.emplace_back(key.cast<std::string>(), ParamFromPython(fields, line));
  }
  return declared;
}

py::list Outputs(const Graph& graph, const std::string& id) {
  py::list ports;
  for (const PortSpec& port : ValueOrThrow(graph->Change().OutputsOf(id))) {
    ports.append(py::make_tuple(port.name, port.type.ToString()));
  }
  return ports;
}

// A loop's carry may start empty: None is a value there.
Ordered<InputDef> Carry(const GraphHandle& graph, const py::dict& given, int line) {
  Ordered<InputDef> carry;
  for (const auto& [key, object] : given) {
    const auto name = key.cast<std::string>();
    carry.emplace_back(name, InputFromPython(graph, name, object, line)
                                 .value_or(InputDef{.source = Value(), .line = line}));
  }
  return carry;
}

}  // namespace

std::optional<InputDef> InputFromPython(const GraphHandle& graph, const std::string& name,
                                        py::handle object, int line) {
  if (object.is_none()) return std::nullopt;
  if (py::isinstance<WireHandle>(object)) {
    return InputDef{.source = OwnWire(graph, name, object), .line = line};
  }
  if (py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object)) {
    std::vector<Wire> wires;
    size_t items = 0;
    for (const py::handle item : object) {
      ++items;
      if (py::isinstance<WireHandle>(item)) wires.push_back(OwnWire(graph, name, item));
    }
    if (!wires.empty() && wires.size() != items) {
      ThrowArgument(absl::StrCat("\"", name,
                                 "\" is a list of wires and values; it can be of one "
                                 "kind alone"));
    }
    if (!wires.empty()) return InputDef{.source = std::move(wires), .line = line};
  }
  if (py::hasattr(object, "weft_several_outputs")) {
    ThrowArgument(absl::StrCat("\"", name, "\" is fed by ",
                               object.attr("weft_several_outputs")().cast<std::string>()));
  }
  Value value = FromPython(object, Type{"any"});
  if (!IsWritable(value)) {
    ThrowArgument(absl::StrCat("\"", name, "\": a graph holds numbers, text and wires, not a ",
                               value.kind(), "; declare it with g.param(…) and hand it to run()"));
  }
  return InputDef{.source = std::move(value), .line = line};
}

void BindBuilder(py::class_<GraphHandle, Graph>& graph) {
  graph
      .def("add_param",
           [](const Graph& self, const std::string& name, const py::dict& fields, int line) {
             ThrowIfError(self->Change().AddParam(name, ParamFromPython(fields, line)));
             return FindIn(self->graph().params, name)->type.ToString();
           })
      .def("add_node",
           [](const Graph& self, const std::string& id, const std::string& type,
              const py::dict& inputs, const py::dict& ports, int line) {
             NodeDef node = NewNode(*self, type, inputs, line);
             node.declared_inputs = DeclaredPorts(ports, "inputs", line);
             node.declared_outputs = DeclaredPorts(ports, "outputs", line);
             return ValueOrThrow(self->Change().AddNode(id, std::move(node)));
           })
      .def("open_loop",
           [](const Graph& self, const std::string& id, const py::dict& inputs,
              const py::dict& carry, const std::string& while_carry, int line) {
             NodeDef loop = NewNode(*self, "Loop", inputs, line);
             loop.carry = Carry(*self, carry, line);
             loop.while_carry = while_carry;
             return ValueOrThrow(self->Change().OpenLoop(id, std::move(loop)));
           })
      .def("close_loop",
           [](const Graph& self, const py::dict& next, const py::dict& collect, int line) {
             ThrowIfError(
                 self->Change().CloseLoop(Carry(*self, next, line), Inputs(*self, collect, line)));
           })
      .def("open_if",
           [](const Graph& self, const std::string& id, const py::dict& inputs, int line) {
             return ValueOrThrow(self->Change().OpenIf(id, NewNode(*self, "If", inputs, line)));
           })
      .def("open_else",
           [](const Graph& self, const py::dict& outputs, int line) {
             ThrowIfError(self->Change().Else(Inputs(*self, outputs, line)));
           })
      .def("close_if",
           [](const Graph& self, const py::dict& outputs, int line) {
             ThrowIfError(self->Change().CloseIf(Inputs(*self, outputs, line)));
           })
      .def("abandon", [](const Graph& self) { self->Change().Abandon(); })
      .def("add_output",
           [](const Graph& self, const std::string& name, const py::object& source, int line) {
             std::optional<InputDef> input = InputFromPython(*self, name, source, line);
             if (!input.has_value()) ThrowArgument("an output is a wire, not None");
             ThrowIfError(self->Change().AddOutput(name, *std::move(input)));
           })
      .def("outputs_of", &Outputs);
}

}  // namespace weft::python
