#include "python/round.h"

#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "python/errors.h"
#include "python/values.h"
#include "runtime/base/nearest_name.h"

namespace weft::python {
namespace {

using Values = absl::btree_map<std::string, Value>;

// The carried or the collected values of a round, as a mapping.
struct RoundValues {
  std::shared_ptr<RoundHandle> round;
  bool carried;

  Values& Get() const { return carried ? round->Get().carried : round->Get().collected; }
};

std::vector<std::string> Names(const Values& values) {
  std::vector<std::string> names;
  for (const auto& [name, value] : values) names.push_back(name);
  return names;
}

Value& Find(const RoundValues& self, const std::string& name) {
  Values& values = self.Get();
  const auto it = values.find(name);
  if (it == values.end()) {
    throw py::key_error(absl::StrCat("the loop ", self.carried ? "carries" : "collects",
                                     " nothing called \"", name, "\"",
                                     DidYouMean(name, Names(values))));
  }
  return it->second;
}

}  // namespace

Round& RoundHandle::Get() const {
  if (round_ == nullptr) {
    ThrowArgument("this step is over: look at it, and change it, inside the callback");
  }
  return *round_;
}

void BindRounds(py::module_& module) {
  py::class_<RoundValues>(module, "RoundValues")
      .def("__getitem__",
           [](const RoundValues& self, const std::string& name) {
             return ToPython(Find(self, name), Type{name});
           })
      .def("__setitem__",
           [](const RoundValues& self, const std::string& name, const py::object& value) {
             if (!self.carried) throw py::type_error("what a loop collects cannot be changed");
             Find(self, name) = FromPython(value, Type{"any"});
           })
      .def("__contains__", [](const RoundValues& self,
                              const std::string& name) { return self.Get().contains(name); })
      .def("__len__", [](const RoundValues& self) { return self.Get().size(); })
      .def("keys", [](const RoundValues& self) { return Names(self.Get()); })
      .def("__iter__",
           [](const RoundValues& self) { return py::iter(py::cast(Names(self.Get()))); })
      .def("__repr__", [](const RoundValues& self) {
        return absl::StrCat("<", self.carried ? "carried" : "collected", ": ",
                            py::repr(py::cast(Names(self.Get()))).cast<std::string>(), ">");
      });
  py::class_<RoundHandle, std::shared_ptr<RoundHandle>>(module, "Round",
                                                        "A round of a loop that has just been run.")
      .def_property_readonly("loop", [](const RoundHandle& self) { return self.Get().loop; })
      .def_property_readonly("index", [](const RoundHandle& self) { return self.Get().index; })
      .def_property_readonly("total", [](const RoundHandle& self) { return self.Get().total; })
      .def_property_readonly("carried",
                             [](const std::shared_ptr<RoundHandle>& self) {
                               self->Get();
                               return RoundValues{self, true};
                             })
      .def_property_readonly("collected",
                             [](const std::shared_ptr<RoundHandle>& self) {
                               self->Get();
                               return RoundValues{self, false};
                             })
      .def_property_readonly(
          "preview",
          [](const RoundHandle& self) { return ToPython(self.preview(), Type{"image"}); })
      .def("set",
           [](const RoundHandle& self, const std::string& input, const py::object& value) {
             self.Get().inputs[input] = FromPython(value, Type{"any"});
           })
      .def("stop", [](const RoundHandle& self) { self.Get().stop = true; })
      .def("__repr__", [](const RoundHandle& self) {
        const Round& round = self.Get();
        return absl::StrCat("<weft.Round ", round.index + 1,
                            round.total > 0 ? absl::StrCat(" of ", round.total) : "", " of \"",
                            round.loop, "\">");
      });
}

}  // namespace weft::python
