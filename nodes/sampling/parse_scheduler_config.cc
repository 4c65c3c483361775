// The options of a scheduler from text, for those that do not lie in a model's folder.
#include "nodes/sampling/scheduler_config.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

constexpr In<Text> kText{.name = "text",
                         .doc = "JSON, as in scheduler_config.json: {\"beta_schedule\": …}."};
constexpr Out<SchedulerConfig> kConfig{.name = "config", .doc = "What schedulers take."};

absl::Status Run(NodeContext& ctx) {
  absl::StatusOr<nlohmann::json> json = ParseJson(WithoutPythonInfinities(ctx.Get(kText)));
  if (!json.ok()) return ctx.PortError(kText, json.status().message());
  if (!json->is_object()) return ctx.PortError(kText, "expects an object of options");
  ctx.Set(kConfig, std::make_shared<const SchedulerConfig>(*std::move(json), "the given text"));
  return absl::OkStatus();
}

}  // namespace

NodeType ParseSchedulerConfigNode() {
  return {Contract{.type = "ParseSchedulerConfig",
                   .doc = "The options of a scheduler from text, as diffusers writes them.",
                   .category = "sampling",
                   .inputs = {kText},
                   .outputs = {kConfig}},
          Run};
}

}  // namespace weft
