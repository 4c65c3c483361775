// Nodes that are written in Python: @weft.node.

#include "python/python_node.h"

#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "python/errors.h"
#include "python/run_state.h"
#include "python/session.h"
#include "python/tensor.h"
#include "python/values.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft::python {
namespace {

namespace py = pybind11;

PortSpec PortFromPython(const py::dict& fields) {
  PortSpec port;
  port.name = fields["name"].cast<std::string>();
  port.type = Type::Parse(fields["type"].cast<std::string>());
  port.doc = fields["doc"].cast<std::string>();
  port.required = fields["required"].cast<bool>();
  port.min = fields["min"].cast<std::optional<double>>();
  port.max = fields["max"].cast<std::optional<double>>();
  port.choices = fields["choices"].cast<std::vector<std::string>>();
  const py::object fallback = fields["default"];
  if (!fallback.is_none()) {
    port.fallback = ValueOrThrow(CheckLiteral(port, FromPython(fallback, port.type)));
  }
  return port;
}

Contract ContractFromPython(const py::dict& fields) {
  Contract contract;
  contract.type = fields["type"].cast<std::string>();
  contract.doc = fields["doc"].cast<std::string>();
  contract.category = fields["category"].cast<std::string>();
  contract.version = fields["version"].cast<int>();
  contract.effect = fields["effect"].cast<bool>();
  for (const py::handle port : fields["inputs"]) {
    contract.inputs.push_back(PortFromPython(port.cast<py::dict>()));
  }
  for (const py::handle port : fields["outputs"]) {
    contract.outputs.push_back(PortFromPython(port.cast<py::dict>()));
  }
  return contract;
}

// In a dry run a tensor is a shape and a type, given as such or as a tensor.
absl::StatusOr<Value> WithoutMemory(const NodeContext& ctx, py::handle given, Value value) {
  if (!ctx.dry_run()) return value;
  std::vector<int64_t> dims;
  std::optional<DType> dtype;
  if (py::hasattr(given, "weft_tensor_spec")) {
    const py::tuple spec = given.attr("weft_tensor_spec");
    dims = spec[0].cast<std::vector<int64_t>>();
    dtype = DTypeFromName(spec[1].cast<std::string>());
    if (!dtype.has_value()) return Invalid("infer gave a type that weft does not know");
  } else if (const Tensor* tensor = value.AsTensor(); tensor != nullptr && !tensor->is_meta()) {
    dims.assign(tensor->shape().dims().begin(), tensor->shape().dims().end());
    dtype = tensor->dtype();
  } else {
    return value;
  }
  WEFT_ASSIGN_OR_RETURN(const Shape shape, Shape::Checked(dims, SizeOf(*dtype)));
  WEFT_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(ctx.allocator(), *dtype, shape));
  return Value(std::move(tensor));
}

// Calls `function` with the inputs by name; it returns a dict of the outputs by name.
absl::Status CallFunction(const SharedPyObject& function, NodeContext& ctx) {
  const py::gil_scoped_acquire lock;
  RunState* run = RunState::Current();
  try {
    py::dict arguments;
    for (const PortSpec& port : ctx.contract().inputs) {
      const auto it = ctx.inputs().find(port.name);
      arguments[py::str(port.name)] =
          it != ctx.inputs().end() ? ToPython(it->second, port.type) : py::none();
    }
    const py::dict given = function.get()(**arguments);
    for (const PortSpec& port : ctx.contract().outputs) {
      const py::object object = given[py::str(port.name)];
      const bool spec = py::hasattr(object, "weft_tensor_spec");
      Value value = spec ? Value() : FromPython(object, port.type);
      WEFT_ASSIGN_OR_RETURN(value, WithoutMemory(ctx, object, std::move(value)));
      if (port.type.name == "float" && value.AsInt() != nullptr) {
        value = Value(static_cast<double>(*value.AsInt()));
      }
      if (!Matches(port.type, value)) {
        return Invalid("gives ", value.is_null() ? "nothing" : value.kind(), " for \"", port.name,
                       "\", which is declared as ", port.type.ToString());
      }
      ctx.outputs().insert_or_assign(port.name, std::move(value));
    }
  } catch (py::error_already_set& error) {
    if (run != nullptr) return run->NodeRaised(error);
    // A graph that another door runs in this process: there is nobody to hand the exception to.
    return absl::UnknownError(error.what());
  } catch (const py::builtin_exception& error) {
    return absl::UnknownError(error.what());
  }
  return absl::OkStatus();
}

NodeType::Function MakeFunction(const py::object& function) {
  return
      [shared = SharedPyObject(function)](NodeContext& ctx) { return CallFunction(shared, ctx); };
}

absl::Status NothingIsKnown(NodeContext& ctx) {
  for (const PortSpec& port : ctx.contract().outputs) ctx.SetUnknown(port.name);
  return absl::OkStatus();
}

}  // namespace

void BindPythonNodes(py::module_& module) {
  module.def("register_node",
             [](const py::dict& contract, const py::object& run, const py::object& infer) {
               NodeType type;
               type.contract = ContractFromPython(contract);
               type.run = MakeFunction(run);
               type.infer = infer.is_none() ? NothingIsKnown : MakeFunction(infer);
               ThrowIfError(Session::Get().weft->registry().Replace(std::move(type)));
             });
}

}  // namespace weft::python
