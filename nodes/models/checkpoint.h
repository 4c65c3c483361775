#ifndef WEFT_NODES_MODELS_CHECKPOINT_H_
#define WEFT_NODES_MODELS_CHECKPOINT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
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
};

// A model, or some of it, known by its headers.
struct Checkpoint {
  std::string path;
  std::string layout;              // in words, for people
  const Family* family = nullptr;  // null where there is no UNet
  std::string prediction;          // what the UNet was trained to predict, where there is one
  bool prediction_guessed = false;
  std::string scheduler;  // scheduler_config.json; "" where there is no UNet
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
