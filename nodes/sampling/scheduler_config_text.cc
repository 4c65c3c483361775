// The options of a scheduler as text, for other programs to use.
#include "nodes/sampling/scheduler_config.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<SchedulerConfig> kConfig{.name = "config", .doc = "Such as a model's."};
constexpr Out<Text> kText{.name = "text", .doc = "JSON: what ParseSchedulerConfig takes."};

absl::Status Run(NodeContext& ctx) {
  ctx.Set(kText,
          ctx.Get(kConfig)->json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  return absl::OkStatus();
}

}  // namespace

NodeType SchedulerConfigTextNode() {
  return {Contract{.type = "SchedulerConfigText",
                   .doc = "The options of a scheduler as text, as diffusers reads them.",
                   .category = "sampling",
                   .inputs = {kConfig},
                   .outputs = {kText}},
          Run};
}

}  // namespace weft
