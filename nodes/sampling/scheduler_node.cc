#include "nodes/sampling/scheduler_node.h"

#include <utility>

#include "nodes/sampling/scheduler_config.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr In<SchedulerConfig> kConfig{
    .name = "config",
    .doc = "The model's scheduler_config.json; options set here come before it.",
    .optional = true};
constexpr Out<Scheduler> kScheduler{.name = "scheduler", .doc = "The scheduler."};

}  // namespace

NodeType SchedulerNode(SchedulerClass scheduler) {
  Contract contract{.type = scheduler.type,
                    .doc = scheduler.doc,
                    .category = "sampling",
                    .inputs = {kConfig},
                    .outputs = {kScheduler}};
  for (const OptionUse& use : scheduler.options) {
    contract.inputs.push_back(OptionPort(use, scheduler.defaults));
  }
  const auto run = [scheduler = std::move(scheduler)](NodeContext& ctx) -> absl::Status {
    std::shared_ptr<const SchedulerConfig> config;
    if (ctx.Has(kConfig)) config = ctx.Get(kConfig);
    WEFT_ASSIGN_OR_RETURN(
        const SchedulerOptions options,
        ResolveOptions(scheduler.options, scheduler.defaults, config.get(), ctx.inputs()));
    WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const Scheduler> made, scheduler.make(options));
    ctx.Set(kScheduler, std::move(made));
    return absl::OkStatus();
  };
  return NodeType{std::move(contract), run};
}

}  // namespace weft
