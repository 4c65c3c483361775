// A UNet alone: a file that holds nothing else, or the UNet of any model.
#include "nodes/io/model_ports.h"
#include "nodes/io/model_source.h"
#include "nodes/io/set_unet.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr In<Text> kPath{.name = "path",
                         .doc =
                             "A UNet's file or folder, or a whole model; relative to the graph, "
                             "then along WEFT_MODELS."};
constexpr Out<Unet> kUnet{.name = "unet", .doc = "The denoiser."};
constexpr Out<SchedulerConfig> kSchedulerConfig{
    .name = "scheduler_config", .doc = "From scheduler/; built in for a file's family."};

absl::Status Run(NodeContext& ctx) {
  const absl::StatusOr<std::string> path = ctx.environment().ModelPath(ctx.Get(kPath));
  if (!path.ok()) return ctx.PortError(kPath, path.status().message());
  const absl::StatusOr<ModelSource> model = ModelSource::Open(*path);
  if (!model.ok()) return ctx.PortError(kPath, model.status().message());
  if (ctx.Wanted(kUnet)) {
    WEFT_RETURN_IF_ERROR(SetUnet(ctx, kUnet, model->Part("unet")));
  }
  if (!ctx.Wanted(kSchedulerConfig)) return absl::OkStatus();
  const std::string prediction = ctx.Get(kPredictionType);
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const SchedulerConfig> config,
                        model->Scheduler(prediction));
  ctx.Set(kSchedulerConfig, config);
  if (ctx.dry_run()) return absl::OkStatus();
  for (std::string& notice : model->Notices(true, prediction)) ctx.Notice(std::move(notice));
  return absl::OkStatus();
}

}  // namespace

NodeType LoadUnetNode() {
  return {Contract{.type = "LoadUnet",
                   .doc = "A UNet, from a file or folder of its own or from a whole model.",
                   .category = "io",
                   .separate_outputs = true,
                   .inputs = {kPath, kUnetPrecision, kPredictionType, kInt8Start, kInt8Stop},
                   .outputs = {kUnet, kSchedulerConfig}},
          Run};
}

}  // namespace weft
