#include "nodes/sampling/step.h"

#include <string>
#include <utility>

namespace weft {
namespace {

Step Malformed() {
  Step step;
  step.index = -1;
  return step;
}

// The fields of a step but for the one after it.
Record Fields(const Step& step) {
  Record record = {{"index", Value(step.index)},
                   {"timestep", Value(step.timestep)},
                   {"sigma", Value(step.sigma)},
                   {"inference_step", Value(step.inference_step)},
                   {"num_inference_steps", Value(step.num_inference_steps)}};
  if (step.model_sigma != step.sigma) record.emplace("model_sigma", Value(step.model_sigma));
  return record;
}

bool ReadNumber(const Record& record, const std::string& field, double& number) {
  const auto it = record.find(field);
  if (it == record.end()) return false;
  if (const double* x = it->second.AsFloat()) {
    number = *x;
    return true;
  }
  const int64_t* x = it->second.AsInt();
  if (x != nullptr) number = static_cast<double>(*x);
  return x != nullptr;
}

// A whole number that need not be there, as in steps that another program has made.
int64_t CountOr0(const Record& record, const std::string& field) {
  const auto it = record.find(field);
  const int64_t* x = it != record.end() ? it->second.AsInt() : nullptr;
  return x != nullptr && *x >= 0 ? *x : 0;
}

}  // namespace

Step Step::From(const Record& record) {
  Step step;
  const auto index = record.find("index");
  if (index == record.end() || index->second.AsInt() == nullptr) return Malformed();
  step.index = *index->second.AsInt();
  if (!ReadNumber(record, "timestep", step.timestep)) return Malformed();
  if (!ReadNumber(record, "sigma", step.sigma)) return Malformed();
  step.inference_step = CountOr0(record, "inference_step");
  step.num_inference_steps = CountOr0(record, "num_inference_steps");
  if (!ReadNumber(record, "model_sigma", step.model_sigma)) step.model_sigma = step.sigma;
  const auto next = record.find("next");
  if (next != record.end() && next->second.AsRecord() != nullptr) {
    Step following = From(*next->second.AsRecord());
    following.next = nullptr;
    step.next = std::make_shared<const Step>(std::move(following));
  }
  return step;
}

Record Step::To() const {
  Record record = Fields(*this);
  Value following;
  if (next != nullptr) following = Value(Fields(*next));
  record.emplace("next", std::move(following));
  return record;
}

}  // namespace weft
