// Nodes that Python calls by themselves.

#include "python/call.h"

#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "python/errors.h"
#include "python/run_state.h"
#include "python/session.h"
#include "python/values.h"
#include "runtime/base/nearest_name.h"
#include "runtime/node_call.h"

namespace weft::python {
namespace {

// A call with several outputs; those that are separate are computed when they are asked for.
class CallHandle {
 public:
  CallHandle(NodeCall call, std::shared_ptr<RunState> state)
      : call_(std::move(call)), state_(std::move(state)) {}

  py::object Output(const std::string& name) {
    if (call_.contract().Output(name) == nullptr) {
      throw py::attribute_error(absl::StrCat(call_.contract().type, " has no output \"", name, "\"",
                                             DidYouMean(name, call_.contract().OutputNames())));
    }
    absl::StatusOr<Value> value;
    state_->Run([&] {
      absl::MutexLock lock(&mutex_);
      value = call_.Output(name);
      return value.status();
    });
    return ToPython(*value, call_.contract().Output(name)->type);
  }
  const Contract& contract() const { return call_.contract(); }
  std::vector<std::string> TakeNotices() { return state_->TakeNotices(); }

 private:
  absl::Mutex mutex_;
  NodeCall call_;
  std::shared_ptr<RunState> state_;
};

// Values for the inputs, each as its port wants it.
absl::btree_map<std::string, Value> InputsOf(const Contract* contract, const py::dict& given) {
  absl::btree_map<std::string, Value> inputs;
  for (const auto& [key, object] : given) {
    const auto name = key.cast<std::string>();
    const PortSpec* port = contract != nullptr ? contract->Input(name) : nullptr;
    inputs[name] = FromPython(object, port != nullptr ? port->type : Type{"any"});
  }
  return inputs;
}

// The one output, or an object with all of them; and what the call has to say to the user.
py::tuple Call(const std::string& type, const py::dict& given, const std::string& out) {
  const Session& session = Session::Get();
  const Runtime& runtime = session.weft->runtime();
  const std::shared_ptr<const NodeType> node = runtime.registry->Find(type);
  absl::btree_map<std::string, Value> inputs =
      InputsOf(node != nullptr ? &node->contract : nullptr, given);
  const auto state = std::make_shared<RunState>(Callbacks());
  RunOptions options;
  options.compute = session.compute;
  options.memory = session.memory;
  options.output_folder = out;
  state->AddTo(options);
  absl::StatusOr<NodeCall> call;
  state->Run([&] {
    call = NodeCall::Make(type, std::move(inputs), runtime, options);
    return call.status();
  });
  if (call->contract().outputs.size() == 1) {
    absl::StatusOr<Value> value;
    state->Run([&] {
      value = call->Output("");
      return value.status();
    });
    return py::make_tuple(ToPython(*value, call->contract().outputs[0].type), state->TakeNotices());
  }
  return py::make_tuple(std::make_shared<CallHandle>(*std::move(call), state),
                        state->TakeNotices());
}

}  // namespace

void BindCall(py::module_& module) {
  py::class_<CallHandle, std::shared_ptr<CallHandle>>(module, "Call")
      .def_property_readonly("type", [](const CallHandle& self) { return self.contract().type; })
      .def_property_readonly("names",
                             [](const CallHandle& self) { return self.contract().OutputNames(); })
      .def("output", &CallHandle::Output)
      .def("take_notices", &CallHandle::TakeNotices);
  module.def("call", &Call);
}

}  // namespace weft::python
