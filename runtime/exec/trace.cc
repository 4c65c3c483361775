#include "runtime/exec/trace.h"

#include <nlohmann/json.hpp>

namespace weft {

void Trace::Add(const Event& event) {
  if (event.kind == Event::Kind::kNodeFinished) finished_.push_back(event);
}

std::string Trace::ToJson() const {
  using Json = nlohmann::ordered_json;
  constexpr double kMicroseconds = 1e6;
  Json events = Json::array();
  for (const Event& event : finished_) {
    const double begin = event.seconds - event.duration;
    events.push_back({{"name", event.node},
                      {"cat", event.type},
                      {"ph", "X"},
                      {"ts", begin * kMicroseconds},
                      {"dur", event.duration * kMicroseconds},
                      {"pid", 1},
                      {"tid", event.light ? 2 : 1},
                      {"args", {{"type", event.type}, {"bytes", event.bytes}}}});
    events.push_back({{"name", "bytes alive"},
                      {"ph", "C"},
                      {"ts", event.seconds * kMicroseconds},
                      {"pid", 1},
                      {"args", {{"bytes", event.bytes}}}});
  }
  const Json trace = {{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}};
  return trace.dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace weft
