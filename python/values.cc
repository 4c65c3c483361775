#include "python/values.h"

#include <pybind11/stl.h>

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nodes/text/conditioning.h"
#include "python/errors.h"
#include "python/tensor.h"
#include "runtime/base/nearest_name.h"
#include "runtime/exec/executor.h"

namespace weft::python {
namespace {

// The Python classes for values, by the name of their type; "" is the class for all others of a
// kind. Never destroyed: the interpreter may be gone by then.
using Classes = std::map<std::string, py::object>;
struct AllClasses {
  Classes tensors;
  Classes objects;
  Classes records;
};
AllClasses& Registered() {
  static auto* classes = new AllClasses;
  return *classes;
}

template <typename Handle>
py::object Wrapped(const Classes& classes, const std::string& type, Handle handle) {
  py::object plain = py::cast(std::move(handle));
  auto it = classes.find(type);
  if (it == classes.end()) it = classes.find("");
  return it != classes.end() ? it->second(plain) : plain;
}

bool IsPictureType(const Type& type) { return type.name == "image" || type.name == "mask"; }

// A picture without a batch: [h, w, c], or [h, w] of greys.
Tensor WithBatch(Tensor tensor, const Type& type) {
  if (!IsPictureType(type)) return tensor;
  const Shape& shape = tensor.shape();
  if (shape.rank() == 2) {
    return ValueOrThrow(tensor.Reshape(Shape{1, shape.dim(0), shape.dim(1), 1}));
  }
  if (shape.rank() == 3) {
    return ValueOrThrow(tensor.Reshape(Shape{1, shape.dim(0), shape.dim(1), shape.dim(2)}));
  }
  return tensor;
}

Value IntFromPython(py::handle object) {
  int overflow = 0;
  const long long x = PyLong_AsLongLongAndOverflow(object.ptr(), &overflow);
  if (overflow != 0) {
    ThrowArgument(absl::StrCat(py::str(object).cast<std::string>(), " does not fit in 64 bits"));
  }
  return Value(static_cast<int64_t>(x));
}

// numpy's and torch's own numbers.
bool IsForeignScalar(py::handle object) {
  return py::hasattr(object, "item") && py::hasattr(object, "ndim") &&
         !py::isinstance<TensorHandle>(object) && py::hasattr(object, "dtype") &&
         object.attr("ndim").cast<int>() == 0;
}

Value RecordFromDict(const py::dict& dict) {
  Record record;
  for (const auto& [key, item] : dict) {
    if (!py::isinstance<py::str>(key)) ThrowArgument("a record's fields have names that are text");
    record[key.cast<std::string>()] = FromPython(item, Type{"any"});
  }
  return Value(std::move(record));
}

std::vector<std::string> FieldNames(const Record& record) {
  std::vector<std::string> names;
  for (const auto& [name, value] : record) names.push_back(name);
  return names;
}

py::object FieldOf(const RecordHandle& self, const std::string& name) {
  const Record& record = *self.value.AsRecord();
  const auto it = record.find(name);
  if (it == record.end()) {
    throw py::attribute_error(absl::StrCat("the record has no field \"", name, "\"",
                                           DidYouMean(name, FieldNames(record))));
  }
  // A step's `next` is a step.
  return ToPython(it->second, Type{it->second.AsRecord() != nullptr ? "step" : "any"});
}

py::object TensorOrNone(const Tensor& tensor) {
  if (tensor.empty()) return py::none();
  return ToPython(Value(tensor), Type{"tensor"});
}

py::list ConditioningEntries(const ObjectHandle& self) {
  const auto* conditioning = dynamic_cast<const Conditioning*>(self.object.get());
  if (conditioning == nullptr) throw py::type_error("this is no conditioning");
  py::list entries;
  for (const Conditioning::Entry& entry : conditioning->entries()) {
    py::dict fields;
    fields["tokens"] = TensorOrNone(entry.tokens);
    fields["pooled"] = TensorOrNone(entry.pooled);
    fields["weight"] = entry.weight;
    entries.append(fields);
  }
  return entries;
}

}  // namespace

py::object ToPython(const Value& value, const Type& type,
                    const std::shared_ptr<const std::string>& description) {
  if (const bool* x = value.AsBool()) return py::bool_(*x);
  if (const int64_t* x = value.AsInt()) return py::int_(*x);
  if (const double* x = value.AsFloat()) return py::float_(*x);
  if (const std::string* x = value.AsText()) return py::str(*x);
  if (const Tensor* x = value.AsTensor()) {
    if (x->empty()) return py::none();
    return Wrapped(Registered().tensors, type.name, TensorHandle{*x, description});
  }
  if (const List* list = value.AsList()) {
    py::list items;
    for (const Value& item : *list) items.append(ToPython(item, Type{type.name}, description));
    return items;
  }
  if (value.AsRecord() != nullptr) {
    return Wrapped(Registered().records, type.name, RecordHandle{value});
  }
  if (const Object* object = value.AsObject()) {
    return Wrapped(Registered().objects, std::string(object->type_name()),
                   ObjectHandle{value.SharedObject()});
  }
  return py::none();
}

Value FromPython(py::handle object, const Type& type) {
  if (object.is_none()) return Value();
  if (PyBool_Check(object.ptr())) return Value(object.cast<bool>());
  if (PyLong_Check(object.ptr())) return IntFromPython(object);
  if (PyFloat_Check(object.ptr())) return Value(object.cast<double>());
  if (PyUnicode_Check(object.ptr())) return Value(object.cast<std::string>());
  if (py::isinstance<TensorHandle>(object)) {
    return Value(WithBatch(object.cast<const TensorHandle&>().tensor, type));
  }
  if (py::isinstance<ObjectHandle>(object)) {
    return Value(object.cast<const ObjectHandle&>().object);
  }
  if (py::isinstance<RecordHandle>(object)) return object.cast<const RecordHandle&>().value;
  if (PyList_Check(object.ptr()) || PyTuple_Check(object.ptr())) {
    List list;
    for (const py::handle item : object) list.push_back(FromPython(item, Type{type.name}));
    return Value(std::move(list));
  }
  if (PyDict_Check(object.ptr())) return RecordFromDict(py::reinterpret_borrow<py::dict>(object));
  if (IsForeignScalar(object)) return FromPython(object.attr("item")(), type);
  if (IsArrayLike(object)) return Value(WithBatch(TensorFromPython(object), type));
  if (py::hasattr(object, "__fspath__")) return FromPython(object.attr("__fspath__")(), type);
  ThrowArgument(absl::StrCat("a ", Py_TYPE(object.ptr())->tp_name,
                             " cannot go on a wire: weft takes numbers, text, bools, lists, "
                             "arrays, records and what its own nodes give"));
}

py::object DescribePort(const std::string& name, const PortSpec& port) {
  py::dict description;
  description["name"] = name;
  description["type"] = port.type.ToString();
  description["doc"] = port.doc;
  description["required"] = port.required;
  description["default"] = ToPython(port.fallback, port.type);
  description["min"] = py::cast(port.min);
  description["max"] = py::cast(port.max);
  description["choices"] = py::cast(port.choices);
  return description;
}

void BindValues(py::module_& module) {
  py::class_<ObjectHandle>(module, "Object")
      .def(py::init([](const ObjectHandle& other) { return other; }))
      .def_property_readonly(
          "type", [](const ObjectHandle& self) { return std::string(self.object->type_name()); })
      .def_property_readonly("traits",
                             [](const ObjectHandle& self) {
                               py::dict traits;
                               for (const auto& [name, x] : self.object->traits()) {
                                 traits[py::str(name)] = x;
                               }
                               return traits;
                             })
      .def_property_readonly("conditioning_entries", &ConditioningEntries)
      .def("__eq__", [](const ObjectHandle& self,
                        const ObjectHandle& other) { return self.object == other.object; })
      .def("__hash__",
           [](const ObjectHandle& self) { return std::hash<const Object*>()(self.object.get()); })
      .def("__repr__", [](const ObjectHandle& self) {
        return absl::StrCat("<weft ", Describe(Value(self.object)), ">");
      });
  py::class_<RecordHandle>(module, "Record")
      .def(py::init([](const RecordHandle& other) { return other; }))
      .def(py::init([](const py::dict& fields) { return RecordHandle{RecordFromDict(fields)}; }))
      .def("__getattr__", &FieldOf)
      .def("__getitem__",
           [](const RecordHandle& self, const std::string& name) {
             const Record& record = *self.value.AsRecord();
             if (record.find(name) == record.end()) {
               throw py::key_error(
                   absl::StrCat("no field \"", name, "\"", DidYouMean(name, FieldNames(record))));
             }
             return FieldOf(self, name);
           })
      .def("keys", [](const RecordHandle& self) { return FieldNames(*self.value.AsRecord()); })
      .def("__dir__", [](const RecordHandle& self) { return FieldNames(*self.value.AsRecord()); })
      .def("__len__", [](const RecordHandle& self) { return self.value.AsRecord()->size(); });
  const auto setter = [](Classes& classes) {
    return [&classes](const std::string& type, py::object cls) { classes[type] = std::move(cls); };
  };
  module.def("set_tensor_class", setter(Registered().tensors));
  module.def("set_object_class", setter(Registered().objects));
  module.def("set_record_class", setter(Registered().records));
}

}  // namespace weft::python
