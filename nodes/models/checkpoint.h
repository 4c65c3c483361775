#ifndef WEFT_NODES_MODELS_CHECKPOINT_H_
#define WEFT_NODES_MODELS_CHECKPOINT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "nodes/models/built_in_config.h"
#include "nodes/models/clip_text_config.h"
#include "nodes/models/families.h"
#include "nodes/models/layouts.h"
#include "runtime/weights/weight_store.h"

namespace weft {

// Where one network of a model comes from: all that is needed to bind it, whatever the layout.
struct PartSource {
  std::string name;         // as diffusers' folders: "unet", "vae", "text_encoder" …
  std::string config;       // JSON text, as in config.json
  std::string config_name;  // where that comes from, for errors
  std::shared_ptr<const WeightStore> store;  // under canonical names
  std::string fingerprint;  // the same for the same files, another once they were replaced
  bool open_clip = false;   // of a text encoder
  std::optional<TextIds> text_ids = std::nullopt;  // of a text encoder whose tokenizer is known
};

// Single files of SD 2 base, which predicts noise, were published with this as their global_step;
// nothing else tells them from SD 2's others.
inline constexpr int64_t kStepsOfSd2Base = 875000;

// A model, or some of it, known by its headers.
struct Checkpoint {
  std::string path;
  std::string layout;              // in words, for people
  const Family* family = nullptr;  // null where there is no UNet
  Training training;               // of the UNet, where there is one
  std::string scheduler;           // scheduler_config.json; "" where there is no UNet
  absl::btree_map<std::string, PartSource> parts;  // by name
  std::vector<std::string> unused;                 // tensors that stand for nothing weft knows
  std::vector<std::string> set_aside;  // that are known and not needed: averages, loss, buffers

  // NOT_FOUND names the parts that are there.
  absl::StatusOr<PartSource> Part(absl::string_view name) const;
};

// A single file (its layout is told by the names of its tensors, its family by their shapes) or a
// folder of diffusers' parts. Reads headers and configs alone.
absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& path);

// One part's own folder: config.json and the weights beside it.
absl::StatusOr<PartSource> OpenPartFolder(const std::string& folder, absl::string_view part);

// "SOURCE has other files" for caches: where a file or folder is, how large and how new.
std::string Fingerprint(const std::string& path);

}  // namespace weft

#endif  // WEFT_NODES_MODELS_CHECKPOINT_H_
