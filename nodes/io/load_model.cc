// The parts of a model, in whichever layout it comes; each is opened only where it is wired.
#include <string>
#include <vector>

#include "nodes/io/model_ports.h"
#include "nodes/io/model_source.h"
#include "nodes/io/set_unet.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr In<Text> kPath{
    .name = "path",
    .doc =
        "A folder as diffusers writes it, a single-file checkpoint (.safetensors, .ckpt, .gguf) "
        "or the name of either; relative to the graph, then along WEFT_MODELS."};
constexpr Out<Tokenizer> kTokenizer{.name = "tokenizer",
                                    .doc = "From tokenizer/; CLIP's for a file."};
constexpr Out<ClipTextEncoder> kClip{.name = "clip", .doc = "The text encoder."};
constexpr Out<Tokenizer> kTokenizer2{.name = "tokenizer_2",
                                     .doc = "SDXL's second, from tokenizer_2/; CLIP's for a file."};
constexpr Out<ClipTextEncoder> kClip2{.name = "clip_2", .doc = "SDXL's second text encoder."};
constexpr Out<Unet> kUnet{.name = "unet", .doc = "The denoiser."};
constexpr Out<Vae> kVae{.name = "vae", .doc = "The autoencoder."};
constexpr Out<SchedulerConfig> kSchedulerConfig{
    .name = "scheduler_config", .doc = "From scheduler/; built in for a file's family."};
constexpr Out<SchedulerConfig> kLowResSchedulerConfig{
    .name = "low_res_scheduler_config",
    .doc = "An x4 upscaler's, of the small picture: from low_res_scheduler/."};

// Of the parts that are not the UNet, which alone computes in 8 bits.
std::string PrecisionOfOthers(const NodeContext& ctx) {
  const std::string precision = ctx.Get(kUnetPrecision);
  return precision == "int8" ? "auto" : precision;
}

// A text encoder and its tokenizer, which it must know even where only one of them is wired.
absl::Status SetText(NodeContext& ctx, const Out<ClipTextEncoder>& clip_port,
                     const Out<Tokenizer>& tokenizer_port, const ModelSource& model,
                     absl::string_view encoder, absl::string_view name) {
  if (!ctx.Wanted(clip_port) && !ctx.Wanted(tokenizer_port)) return absl::OkStatus();
  const absl::StatusOr<std::shared_ptr<const Tokenizer>> tokenizer =
      model.TokenizerOf(name, ctx.environment().model_folders);
  if (ctx.Wanted(clip_port)) {
    WEFT_ASSIGN_OR_RETURN(PartSource text, model.Part(encoder));
    if (tokenizer.ok()) {
      WEFT_ASSIGN_OR_RETURN(text, WithTokenizer(std::move(text), **tokenizer));
    }
    WEFT_RETURN_IF_ERROR(SetPart(ctx, clip_port, text, PrecisionOfOthers(ctx)));
  }
  if (!ctx.Wanted(tokenizer_port)) return absl::OkStatus();
  WEFT_RETURN_IF_ERROR(tokenizer.status());
  ctx.Set(tokenizer_port, *tokenizer);
  return absl::OkStatus();
}

absl::Status Run(NodeContext& ctx) {
  const absl::StatusOr<std::string> path = ctx.environment().ModelPath(ctx.Get(kPath));
  if (!path.ok()) return ctx.PortError(kPath, path.status().message());
  const absl::StatusOr<ModelSource> model = ModelSource::Open(*path);
  if (!model.ok()) return ctx.PortError(kPath, model.status().message());

  WEFT_RETURN_IF_ERROR(SetText(ctx, kClip, kTokenizer, *model, "text_encoder", "tokenizer"));
  WEFT_RETURN_IF_ERROR(SetText(ctx, kClip2, kTokenizer2, *model, "text_encoder_2", "tokenizer_2"));
  if (ctx.Wanted(kUnet)) WEFT_RETURN_IF_ERROR(SetUnet(ctx, kUnet, model->Part("unet")));
  if (ctx.Wanted(kVae)) {
    WEFT_RETURN_IF_ERROR(SetPart(ctx, kVae, model->Part("vae"), PrecisionOfOthers(ctx)));
  }
  const std::string prediction = ctx.Get(kPredictionType);
  if (ctx.Wanted(kSchedulerConfig)) {
    WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const SchedulerConfig> config,
                          model->Scheduler(prediction));
    ctx.Set(kSchedulerConfig, config);
  }
  if (ctx.Wanted(kLowResSchedulerConfig)) {
    WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const SchedulerConfig> config,
                          model->LowResScheduler());
    ctx.Set(kLowResSchedulerConfig, config);
  }
  if (ctx.dry_run()) return absl::OkStatus();
  for (std::string& notice : model->Notices(ctx.Wanted(kSchedulerConfig), prediction)) {
    ctx.Notice(std::move(notice));
  }
  return absl::OkStatus();
}

}  // namespace

NodeType LoadModelNode() {
  return {
      Contract{.type = "LoadModel",
               .doc = "The parts of a model: a diffusers folder, or a single file whose family its "
                      "tensors tell. Opening reads no weights: a part's weights are read when it "
                      "first computes.",
               .category = "io",
               .separate_outputs = true,
               .inputs = {kPath, kUnetPrecision, kPredictionType, kInt8Start, kInt8Stop},
               .outputs = {kTokenizer, kClip, kTokenizer2, kClip2, kUnet, kVae, kSchedulerConfig,
                           kLowResSchedulerConfig}},
      Run};
}

}  // namespace weft
