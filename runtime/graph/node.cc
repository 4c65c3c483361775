#include "runtime/graph/node.h"

#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr absl::string_view kPortPayload = "weft/port";

}  // namespace

absl::Status NodeContext::PortErrorImpl(absl::string_view port, const std::string& message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kPortPayload, absl::Cord(port));
  return status;
}

absl::Status NodeContext::ExpectImpl(absl::string_view port, const std::string& type,
                                     const Traits& traits, absl::string_view trait, int64_t wanted,
                                     absl::string_view because) {
  const auto it = traits.find(std::string(trait));
  if (it == traits.end() || it->second == wanted) return absl::OkStatus();
  return PortErrorImpl(port, absl::StrCat("expects ", type, "[", trait, "=", wanted, "] (", because,
                                          "), but gets ", type, "[", trait, "=", it->second, "]"));
}

std::string PortOf(const absl::Status& status) {
  const absl::optional<absl::Cord> port = status.GetPayload(kPortPayload);
  return port.has_value() ? std::string(*port) : "";
}

void NodeContext::Notice(std::string message) const {
  if (!environment_.events || dry_run_) return;
  environment_.events({.kind = Event::Kind::kNotice,
                       .node = node_path_,
                       .type = contract_.type,
                       .message = std::move(message)});
}

void NodeContext::Progress(int64_t done, int64_t total) const {
  if (!environment_.events || dry_run_) return;
  environment_.events({.kind = Event::Kind::kProgress,
                       .node = node_path_,
                       .type = contract_.type,
                       .done = done,
                       .total = total});
}

void NodeContext::Preview(const Tensor& image, int64_t index) const {
  if (!environment_.events || dry_run_) return;
  environment_.events({.kind = Event::Kind::kPreview,
                       .node = node_path_,
                       .type = contract_.type,
                       .done = index,
                       .image = image});
}

}  // namespace weft
