#include "runtime/exec/slots.h"

#include <algorithm>
#include <utility>

#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// "record.field.field", picked out.
absl::StatusOr<Value> Field(Value value, const std::vector<std::string>& fields) {
  for (const std::string& field : fields) {
    const Record* record = value.AsRecord();
    if (record == nullptr) {
      return Invalid("has no field \"", field, "\": it is ", value.kind(), ", not a record");
    }
    const auto it = record->find(field);
    if (it == record->end()) {
      std::vector<std::string> names;
      for (const auto& [name, item] : *record) names.push_back(name);
      return Invalid("has no field \"", field, "\"", DidYouMean(field, names));
    }
    value = Value(it->second);
  }
  return value;
}

}  // namespace

void Slots::Set(Slot slot, Value value) {
  State& state = At(slot);
  state.value = std::move(value);
  state.pending = nullptr;
  state.unknown = false;
}

void Slots::SetPending(Slot slot, std::shared_ptr<LightWorker::Task> task, std::string port) {
  State& state = At(slot);
  state.value = Value();
  state.pending = std::move(task);
  state.port = std::move(port);
}

void Slots::Free(Slot slot) { At(slot).value = Value(); }

bool Slots::IsUnknown(const Source& source) const {
  if (source.kind == Source::Kind::kSlot) return IsUnknown(source.slot);
  return std::any_of(source.items.begin(), source.items.end(),
                     [this](const Source& item) { return IsUnknown(item); });
}

absl::StatusOr<Value> Slots::Read(const Source& source, bool last) {
  switch (source.kind) {
    case Source::Kind::kNone:
      return Value();
    case Source::Kind::kLiteral:
      return Field(source.literal, source.fields);
    case Source::Kind::kSlot: {
      State& state = At(source.slot);
      if (state.pending != nullptr) {
        const std::shared_ptr<LightWorker::Task> task = std::move(state.pending);
        state.pending = nullptr;
        worker_.Wait(*task);
        WEFT_RETURN_IF_ERROR(task->status);
        state.value = task->outputs[state.port];
      }
      if (!source.fields.empty()) return Field(state.value, source.fields);
      return last ? std::exchange(state.value, Value()) : state.value;
    }
    case Source::Kind::kList: {
      List list;
      for (const Source& item : source.items) {
        WEFT_ASSIGN_OR_RETURN(list.emplace_back(), Read(item));
      }
      return Value(std::move(list));
    }
  }
  return Value();
}

}  // namespace weft
