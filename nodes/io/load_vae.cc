// An autoencoder alone: another VAE is one path swapped.
#include <nlohmann/json.hpp>

#include "nodes/io/model_ports.h"
#include "nodes/io/model_source.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr In<Text> kPath{.name = "path",
                         .doc =
                             "An autoencoder's file or folder, or a whole model; relative to "
                             "the graph, then along WEFT_MODELS."};
constexpr In<double> kScalingFactor{
    .name = "scaling_factor",
    .doc =
        "What latents are multiplied by; 0: as the model says. The file of an autoencoder alone "
        "cannot say: it counts as 0.18215 (SD 1 and 2); SDXL's have 0.13025.",
    .fallback = 0.0,
    .min = 0.0,
    .max = 1e6};
constexpr Out<Vae> kVae{.name = "vae", .doc = "The autoencoder."};

absl::Status Run(NodeContext& ctx) {
  const absl::StatusOr<std::string> path = ctx.environment().ModelPath(ctx.Get(kPath));
  if (!path.ok()) return ctx.PortError(kPath, path.status().message());
  const absl::StatusOr<ModelSource> model = ModelSource::Open(*path);
  if (!model.ok()) return ctx.PortError(kPath, model.status().message());
  WEFT_ASSIGN_OR_RETURN(PartSource part, model->Part("vae"));
  if (const double scaling = ctx.Get(kScalingFactor); scaling > 0) {
    nlohmann::json config = nlohmann::json::parse(part.config, nullptr, false);
    if (config.is_object()) {
      config["scaling_factor"] = scaling;
      part.config = config.dump();
      absl::StrAppend(&part.fingerprint, "|", scaling);  // another part than the same unscaled
    }
  } else if (model->guesses_scaling() && !ctx.dry_run()) {
    ctx.Notice(absl::StrCat("\"", *path,
                            "\": an autoencoder alone does not say what its latents are "
                            "multiplied by; took 0.18215, as SD 1 and 2 have it (set "
                            "scaling_factor to 0.13025 for SDXL's)"));
  }
  return SetPart(ctx, kVae, part, ctx.Get(kModelPrecision));
}

}  // namespace

NodeType LoadVaeNode() {
  return {Contract{.type = "LoadVae",
                   .doc = "An autoencoder, from a file or folder of its own or from a whole model.",
                   .category = "io",
                   .inputs = {kPath, kScalingFactor, kModelPrecision},
                   .outputs = {kVae}},
          Run};
}

}  // namespace weft
