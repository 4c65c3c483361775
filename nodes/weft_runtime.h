#ifndef WEFT_NODES_WEFT_RUNTIME_H_
#define WEFT_NODES_WEFT_RUNTIME_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/backend/backend.h"
#include "runtime/pipeline.h"

namespace weft {

// All that a program needs to run graphs: the catalogue of nodes, the processor, and the folders
// where models, composites and graphs are found. Every door (command, Python, Lua) makes one.
class WeftRuntime {
 public:
  // Looks for models along `models` (folders separated by colons; the doors pass the environment
  // variable WEFT_MODELS), then for what is installed in `prefix`/share/weft, then in the source
  // tree that this was built from. `prefix` may be "".
  static absl::StatusOr<std::unique_ptr<WeftRuntime>> Make(absl::string_view prefix,
                                                           absl::string_view models);

  // Borrows from this object, which must outlive it.
  const Runtime& runtime() const { return runtime_; }
  const Registry& registry() const { return registry_; }
  // For doors that bring node types, or a format of graph files, of their own.
  Registry& registry() { return registry_; }
  void AddReader(const std::string& extension, GraphReader reader) {
    runtime_.readers[extension] = std::move(reader);
  }
  const std::vector<std::string>& graph_folders() const { return graph_folders_; }

  // The file that a graph's name stands for: "my/graph.json", "txt2img" or "graphs/txt2img.json"
  // of the installed ones. NOT_FOUND with the nearest name.
  absl::StatusOr<std::string> FindGraph(const std::string& name) const;
  // The composites that are installed, as contracts, by name.
  std::vector<Contract> InstalledComposites() const;

 private:
  WeftRuntime() = default;

  Registry registry_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Backend> meta_backend_;
  Runtime runtime_;
  std::vector<std::string> graph_folders_;
};

// "auto" (whichever is faster here), "f32" or "bf16".
absl::StatusOr<DType> ParsePrecision(absl::string_view text);

}  // namespace weft

#endif  // WEFT_NODES_WEFT_RUNTIME_H_
