// A text encoder alone, with the tokenizer that goes with it.
#include <filesystem>

#include "nodes/io/model_ports.h"
#include "nodes/io/model_source.h"
#include "nodes/text/clip_vocabulary.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr absl::string_view kEncoders[] = {"text_encoder", "text_encoder_2"};

constexpr In<Text> kPath{.name = "path",
                         .doc =
                             "A text encoder's file or folder, or a whole model; relative to "
                             "the graph, then along WEFT_MODELS."};
constexpr In<Text> kEncoder{.name = "encoder",
                            .doc = "Which one it is: SDXL's second takes other padding.",
                            .fallback = "text_encoder",
                            .choices = kEncoders};
constexpr Out<ClipTextEncoder> kClip{.name = "clip", .doc = "The text encoder."};
constexpr Out<Tokenizer> kTokenizer{.name = "tokenizer",
                                    .doc = "The folder's, or CLIP's for a file."};

// A file that holds one text encoder has it under the first name, whichever the user says.
absl::StatusOr<PartSource> Encoder(const ModelSource& model, absl::string_view name) {
  absl::StatusOr<PartSource> part = model.Part(name);
  return part.ok() || !absl::IsNotFound(part.status()) || name == kEncoders[0]
             ? part
             : model.Part(kEncoders[0]);
}

// A folder's own, or CLIP's.
absl::StatusOr<std::shared_ptr<const Tokenizer>> TokenizerFor(const NodeContext& ctx,
                                                              const ModelSource& model,
                                                              const PartSource& text) {
  const std::string encoder = ctx.Get(kEncoder);
  if (std::filesystem::is_directory(model.path())) {
    return model.TokenizerOf(encoder == kEncoders[0] ? "tokenizer" : "tokenizer_2", {});
  }
  WEFT_ASSIGN_OR_RETURN(const std::string vocabulary,
                        FindClipVocabulary(ctx.environment().model_folders));
  WEFT_ASSIGN_OR_RETURN(TokenizerFiles files,
                        ClipTokenizerFiles(vocabulary, PadOf(encoder, nullptr, text.open_clip)));
  return Tokenizer::Of(std::move(files));
}

absl::Status Run(NodeContext& ctx) {
  const absl::StatusOr<std::string> path = ctx.environment().ModelPath(ctx.Get(kPath));
  if (!path.ok()) return ctx.PortError(kPath, path.status().message());
  const absl::StatusOr<ModelSource> model = ModelSource::Open(*path);
  if (!model.ok()) return ctx.PortError(kPath, model.status().message());
  WEFT_ASSIGN_OR_RETURN(PartSource text, Encoder(*model, ctx.Get(kEncoder)));
  const absl::StatusOr<std::shared_ptr<const Tokenizer>> tokenizer =
      TokenizerFor(ctx, *model, text);
  if (ctx.Wanted(kClip)) {
    if (tokenizer.ok()) {
      WEFT_ASSIGN_OR_RETURN(text, WithTokenizer(std::move(text), **tokenizer));
    }
    WEFT_RETURN_IF_ERROR(SetPart(ctx, kClip, text, ctx.Get(kModelPrecision)));
  }
  if (!ctx.Wanted(kTokenizer)) return absl::OkStatus();
  WEFT_RETURN_IF_ERROR(tokenizer.status());
  ctx.Set(kTokenizer, *tokenizer);
  return absl::OkStatus();
}

}  // namespace

NodeType LoadClipNode() {
  return {Contract{.type = "LoadClip",
                   .doc = "A CLIP text encoder, from a file or folder of its own or from a whole "
                          "model, and its tokenizer.",
                   .category = "io",
                   .separate_outputs = true,
                   .inputs = {kPath, kEncoder, kModelPrecision},
                   .outputs = {kClip, kTokenizer}},
          Run};
}

}  // namespace weft
