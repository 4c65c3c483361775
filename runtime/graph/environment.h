#ifndef WEFT_RUNTIME_GRAPH_ENVIRONMENT_H_
#define WEFT_RUNTIME_GRAPH_ENVIRONMENT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/graph/value.h"

namespace weft {

class Backend;     // runtime/backend; graphs hand it on and never look inside
class KeepBudget;  // runtime/tensor; likewise

// Something that happened while a graph ran.
struct Event {
  enum class Kind { kNodeStarted, kNodeFinished, kProgress, kPreview, kNotice, kFile };
  Kind kind = Kind::kNotice;
  std::string node;     // its path: "denoise/loop[3]/noise"
  std::string type;     // of the node
  std::string message;  // of a notice; of kFile, the path that is about to be written
  int64_t done = 0;     // progress; of a preview, its index
  int64_t total = 0;
  double seconds = 0;   // since the run began
  double duration = 0;  // of kNodeFinished: what the node took
  bool light = false;   // it ran beside the heavy nodes
  size_t bytes = 0;     // alive after the node
  Tensor image;         // of a preview: [b, h, w, c] u8
};
using EventSink = std::function<void(const Event&)>;

// A round of a loop that has just been run, shown to the program that runs the graph before the
// next one begins. What it changes here holds for the rounds to come.
struct Round {
  std::string loop;  // the loop's path: "denoise/sample/loop"
  int64_t index = 0;
  int64_t total = 0;  // 0: nobody knows
  // What the next round begins with; values may be replaced.
  absl::btree_map<std::string, Value> carried;
  absl::btree_map<std::string, Value> collected;  // what this round gave
  // Values to put in place of inputs inside the body: "noise.guidance_scale", or "guidance_scale"
  // for every input of that name.
  absl::btree_map<std::string, Value> inputs;
  bool stop = false;  // the loop ends here
};
using RoundHook = std::function<absl::Status(Round&)>;

// Everything a run may touch besides the graph itself. Paths that a graph names are resolved here
// and nowhere else.
struct Environment {
  Backend* backend = nullptr;
  Backend* meta_backend = nullptr;
  DType compute = DType::kF32;       // of networks: f32 or bf16
  std::shared_ptr<KeepBudget> keep;  // for packed weights; null: all are kept
  std::string graph_folder = ".";
  std::string output_folder = "out";
  std::vector<std::string> model_folders;  // searched after the graph's own folder
  bool allow_outside_paths = false;        // writing outside the output folder
  std::string graph_json;                  // the whole graph, inlined: saved with pictures
  EventSink events;                        // may be empty
  RoundHook on_round;                      // may be empty
  const std::atomic<bool>* cancelled = nullptr;

  // A file to read: as given if absolute, else relative to the graph's folder, then to the
  // working folder. NOT_FOUND names all places.
  absl::StatusOr<std::string> InputPath(absl::string_view path) const;
  // A model folder or file: as InputPath, then below each of model_folders.
  absl::StatusOr<std::string> ModelPath(absl::string_view path) const;
  // PERMISSION_DENIED for a path that leads out of the output folder, unless allow_outside_paths.
  // Touches nothing.
  absl::Status CheckOutputPath(absl::string_view path) const;
  // A file to write, below the output folder, whose folders are made. Errors of CheckOutputPath.
  absl::StatusOr<std::string> OutputPath(absl::string_view path) const;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_ENVIRONMENT_H_
