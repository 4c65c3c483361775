#ifndef WEFT_NODES_IO_MODEL_SOURCE_H_
#define WEFT_NODES_IO_MODEL_SOURCE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nodes/models/checkpoint.h"
#include "nodes/models/parts.h"
#include "nodes/sampling/scheduler_config.h"
#include "nodes/text/tokenizer.h"
#include "runtime/graph/node.h"

namespace weft {

// A model that a node was pointed at: a folder, whose parts are opened one by one as they are
// asked for, or a file, whose header is read at once.
class ModelSource {
 public:
  // `path` as Environment::ModelPath finds it.
  static absl::StatusOr<ModelSource> Open(std::string path);

  // `name`: "unet", "vae", "text_encoder" or "text_encoder_2".
  absl::StatusOr<PartSource> Part(absl::string_view name) const;
  // `name`: "tokenizer" or "tokenizer_2". A file has none: CLIP's vocabulary is looked for in
  // `model_folders`.
  absl::StatusOr<std::shared_ptr<const Tokenizer>> TokenizerOf(
      absl::string_view name, const std::vector<std::string>& model_folders) const;
  // `prediction`: "auto", or what the UNet predicts, whatever the model says.
  absl::StatusOr<std::shared_ptr<const SchedulerConfig>> Scheduler(
      absl::string_view prediction) const;
  // An x4 upscaler's second one, which the small picture is noised with.
  absl::StatusOr<std::shared_ptr<const SchedulerConfig>> LowResScheduler() const;

  const std::string& path() const { return path_; }
  // Whether nothing tells what an autoencoder's latents are multiplied by: it is a file alone.
  bool guesses_scaling() const { return file_.has_value() && file_->family == nullptr; }
  // What is worth saying of a file: tensors that nothing uses, a prediction type that is a guess.
  std::vector<std::string> Notices(bool scheduler, absl::string_view prediction) const;

 private:
  std::string path_;
  bool is_part_ = false;            // the folder is one part's own
  std::optional<Checkpoint> file_;  // where it is no folder
};

// A text encoder that knows its model's `tokenizer`, so that texts of another one are refused.
// Error: the tokenizer has more tokens than the text encoder.
absl::StatusOr<PartSource> WithTokenizer(PartSource text, const Tokenizer& tokenizer);

// The token that texts for a text encoder are filled up with.
absl::string_view PadOf(absl::string_view text_encoder, const Family* family, bool open_clip);

// A few of `names`, for a notice.
std::string SomeOf(const std::vector<std::string>& names);

// Loads one part for `port`, and tells of tensors that nothing uses.
template <typename Part>
absl::Status SetPart(NodeContext& ctx, const Out<Part>& port,
                     const absl::StatusOr<PartSource>& source, absl::string_view precision) {
  if (!source.ok()) return source.status();
  std::optional<DType> compute;
  if (precision != "auto") compute = DTypeFromName(precision);
  auto loaded = Part::Load(*source, compute);
  if (!loaded.ok()) return loaded.status();
  if (!(*loaded)->unused().empty() && !ctx.dry_run()) {
    ctx.Notice(absl::StrCat("\"", (*loaded)->path(), "\": ", (*loaded)->unused().size(),
                            " tensors are not used: ", SomeOf((*loaded)->unused())));
  }
  ctx.Set(port, *loaded);
  return absl::OkStatus();
}

}  // namespace weft

#endif  // WEFT_NODES_IO_MODEL_SOURCE_H_
