// The parts of a model in diffusers' folder layout; each is opened only where it is wired.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_join.h"
#include "nodes/models/parts.h"
#include "nodes/sampling/scheduler_config.h"
#include "nodes/text/tokenizer.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kPrecisions[] = {"auto", "f32", "bf16"};

constexpr In<Text> kPath{.name = "path",
                         .doc =
                             "A folder with tokenizer, text_encoder, unet, vae and scheduler, "
                             "or some of them; relative to the graph, then along WEFT_MODELS."};
constexpr In<Text> kPrecision{.name = "precision",
                              .doc = "What the networks compute in; auto: as the run says.",
                              .fallback = "auto",
                              .choices = kPrecisions};
constexpr Out<Tokenizer> kTokenizer{.name = "tokenizer", .doc = "From tokenizer/."};
constexpr Out<ClipTextEncoder> kClip{.name = "clip", .doc = "From text_encoder/."};
constexpr Out<Tokenizer> kTokenizer2{.name = "tokenizer_2", .doc = "SDXL's, from tokenizer_2/."};
constexpr Out<ClipTextEncoder> kClip2{.name = "clip_2", .doc = "SDXL's, from text_encoder_2/."};
constexpr Out<Unet> kUnet{.name = "unet", .doc = "From unet/."};
constexpr Out<Vae> kVae{.name = "vae", .doc = "From vae/."};
constexpr Out<SchedulerConfig> kSchedulerConfig{.name = "scheduler_config",
                                                .doc = "From scheduler/."};
constexpr Out<SchedulerConfig> kLowResSchedulerConfig{
    .name = "low_res_scheduler_config", .doc = "An x4 upscaler's, from low_res_scheduler/."};

// The folder of one part, or an error that says which parts there are.
absl::StatusOr<std::string> PartFolder(const std::string& model, absl::string_view part) {
  std::error_code error;
  const fs::path folder = fs::path(model) / std::string(part);
  if (fs::is_directory(folder, error)) return folder.string();
  std::vector<std::string> there;
  for (fs::directory_iterator it(model, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored)) there.push_back(it->path().filename().string());
  }
  std::sort(there.begin(), there.end());
  return absl::NotFoundError(
      absl::StrCat("\"", model, "\" has no folder \"", part, "\", which is wired here; it has ",
                   there.empty() ? "no folders" : absl::StrJoin(there, ", ")));
}

template <typename Part>
absl::Status SetPart(NodeContext& ctx, const Out<Part>& port, const std::string& model,
                     absl::string_view part, std::optional<DType> precision) {
  if (!ctx.Wanted(port)) return absl::OkStatus();
  WEFT_ASSIGN_OR_RETURN(const std::string folder, PartFolder(model, part));
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const Part> loaded, Part::Load(folder, precision));
  if (!loaded->unused().empty() && !ctx.dry_run()) {
    constexpr size_t kListed = 5;
    const std::vector<std::string>& all = loaded->unused();
    const std::vector<std::string> listed(
        all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kListed)));
    ctx.Notice(absl::StrCat("\"", loaded->path(), "\": ", all.size(), " tensors are not used: ",
                            absl::StrJoin(listed, ", "), all.size() > kListed ? ", …" : ""));
  }
  ctx.Set(port, loaded);
  return absl::OkStatus();
}

absl::Status SetTokenizer(NodeContext& ctx, const Out<Tokenizer>& port, const std::string& model,
                          absl::string_view part) {
  if (!ctx.Wanted(port)) return absl::OkStatus();
  WEFT_ASSIGN_OR_RETURN(const std::string folder, PartFolder(model, part));
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const Tokenizer> tokenizer, Tokenizer::Load(folder));
  ctx.Set(port, tokenizer);
  return absl::OkStatus();
}

absl::Status SetSchedulerConfig(NodeContext& ctx, const Out<SchedulerConfig>& port,
                                const std::string& model, absl::string_view part) {
  if (!ctx.Wanted(port)) return absl::OkStatus();
  WEFT_ASSIGN_OR_RETURN(const std::string folder, PartFolder(model, part));
  const std::string file = (fs::path(folder) / "scheduler_config.json").string();
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const SchedulerConfig> config,
                        SchedulerConfig::Read(file));
  ctx.Set(port, config);
  return absl::OkStatus();
}

absl::Status Run(NodeContext& ctx) {
  absl::StatusOr<std::string> model = ctx.environment().ModelPath(ctx.Get(kPath));
  if (!model.ok()) return ctx.PortError(kPath, model.status().message());
  std::error_code error;
  if (!fs::is_directory(*model, error)) {
    return ctx.PortError(kPath, "\"", *model, "\" is not a folder");
  }
  std::optional<DType> precision;
  if (ctx.Get(kPrecision) != "auto") precision = DTypeFromName(ctx.Get(kPrecision));

  WEFT_RETURN_IF_ERROR(SetPart(ctx, kClip, *model, "text_encoder", precision));
  WEFT_RETURN_IF_ERROR(SetPart(ctx, kClip2, *model, "text_encoder_2", precision));
  WEFT_RETURN_IF_ERROR(SetPart(ctx, kUnet, *model, "unet", precision));
  WEFT_RETURN_IF_ERROR(SetPart(ctx, kVae, *model, "vae", precision));
  WEFT_RETURN_IF_ERROR(SetTokenizer(ctx, kTokenizer, *model, "tokenizer"));
  WEFT_RETURN_IF_ERROR(SetTokenizer(ctx, kTokenizer2, *model, "tokenizer_2"));
  WEFT_RETURN_IF_ERROR(SetSchedulerConfig(ctx, kSchedulerConfig, *model, "scheduler"));
  return SetSchedulerConfig(ctx, kLowResSchedulerConfig, *model, "low_res_scheduler");
}

}  // namespace

NodeType LoadModelNode() {
  return {Contract{.type = "LoadModel",
                   .doc = "The parts of a model in diffusers' folder layout. Opening reads no "
                          "weights: a part's weights are read when it first computes.",
                   .category = "io",
                   .separate_outputs = true,
                   .inputs = {kPath, kPrecision},
                   .outputs = {kTokenizer, kClip, kTokenizer2, kClip2, kUnet, kVae,
                               kSchedulerConfig, kLowResSchedulerConfig}},
          Run};
}

}  // namespace weft
