// The extension module weft._weft: what the package in weft/ is written on.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "lua/attach.h"
#include "python/call.h"
#include "python/errors.h"
#include "python/graph.h"
#include "python/python_node.h"
#include "python/round.h"
#include "python/session.h"
#include "python/tensor.h"
#include "python/values.h"
#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/base/nearest_name.h"

namespace weft::python {
namespace {

py::dict DescribeContract(const Contract& contract) {
  py::list inputs;
  for (const PortSpec& port : contract.inputs) inputs.append(DescribePort(port.name, port));
  py::list outputs;
  for (const PortSpec& port : contract.outputs) outputs.append(DescribePort(port.name, port));
  py::dict description;
  description["type"] = contract.type;
  description["doc"] = contract.doc;
  description["category"] = contract.category;
  description["version"] = contract.version;
  description["effect"] = contract.effect;
  description["declares_ports"] = contract.declares_ports;
  description["inputs"] = inputs;
  description["outputs"] = outputs;
  return description;
}

// All that can be called: the catalogue, what Python has added, and the installed composites.
py::list Contracts() {
  py::list contracts;
  for (const auto& type : Session::Get().weft->registry().Types()) {
    contracts.append(DescribeContract(type->contract));
  }
  for (const Contract& contract : Session::Get().weft->InstalledComposites()) {
    contracts.append(DescribeContract(contract));
  }
  return contracts;
}

void Start(const std::string& prefix, const std::string& models) {
  Session& session = Session::Get();
  session.weft = ValueOrThrow(WeftRuntime::Make(prefix, models));
  ThrowIfError(AttachLua(*session.weft));
  session.compute = BestCompute();
}

}  // namespace

PYBIND11_MODULE(_weft, module) {
  BindErrors(module);
  BindTensor(module);
  BindValues(module);
  BindRounds(module);
  BindGraph(module);
  BindCall(module);
  BindPythonNodes(module);
  module.attr("version") = WEFT_VERSION;
  module.def("start", &Start);
  module.def("contracts", &Contracts);
  module.def("contract", [](const std::string& type, const std::string& folder) {
    return DescribeContract(
        ValueOrThrow(FindContract(type, Session::Get().weft->runtime(), folder)));
  });
  module.def("did_you_mean", [](const std::string& name, const std::vector<std::string>& known) {
    return DidYouMean(name, known);
  });
  module.def("graph_folders", [] { return Session::Get().weft->graph_folders(); });
  module.def("set_threads", &SetThreads);
  module.def("threads", &Threads);
  module.def("set_precision", [](const std::string& precision) {
    Session::Get().compute = ValueOrThrow(ParsePrecision(precision));
  });
  module.def("set_memory", [](const std::string& memory) {
    Session::Get().memory.reset();
    Session::Get().memory = MemoryFor(memory);
  });
  module.def("precision", [] { return std::string(Name(Session::Get().compute)); });
}

}  // namespace weft::python
