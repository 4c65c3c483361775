#ifndef WEFT_RUNTIME_PIPELINE_H_
#define WEFT_RUNTIME_PIPELINE_H_

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/exec/executor.h"
#include "runtime/graph/graph_readers.h"
#include "runtime/graph/plan.h"
#include "runtime/graph/registry.h"
#include "runtime/graph/signature.h"

namespace weft {

// What all pipelines of a program share. Everything pointed to must outlive them.
struct Runtime {
  const Registry* registry = nullptr;
  Backend* backend = nullptr;
  Backend* meta_backend = nullptr;
  std::vector<std::string> parts_folders;  // installed composites
  std::vector<std::string> model_folders;  // where graphs' model names are looked up
  GraphReaders readers;                    // of graph files in other formats than JSON
};

// The contract of a node type or of a composite that graphs in `folder` may use. NOT_FOUND with the
// nearest name.
absl::StatusOr<Contract> FindContract(const std::string& type, const Runtime& runtime,
                                      const std::string& folder);

// Where composites are looked for, for graphs in `folder`.
Composites MakeComposites(const Runtime& runtime, const std::string& folder);

struct RunOptions {
  Overrides overrides;
  DType compute = DType::kF32;
  // The resident set that the process may reach, in bytes, or kLeastMemory (fit_memory.h). Weights
  // are packed once and kept as far as it allows, and else for each use. Nothing: all are kept.
  std::optional<size_t> memory;
  std::string output_folder = "out";
  bool allow_outside_paths = false;
  EventSink events;    // called from the run's threads, one at a time
  RoundHook on_round;  // called by the thread that runs the graph, after each round of a loop
  const std::atomic<bool>* cancelled = nullptr;  // set it to true to stop within a step
  // Called by Run once the graph has been found right, before it does anything.
  std::function<void(const DryRunResult&)> checked;
};

// A graph, from whichever door: the public face of the runtime. Immutable; several threads may run
// one pipeline at once.
class Pipeline {
 public:
  // A graph file: .json, or what one of the readers reads. Errors: NOT_FOUND, or all faults of form
  // at once.
  static absl::StatusOr<Pipeline> Load(const std::string& path, const Runtime& runtime);
  // A graph in memory; paths in it are relative to `folder`.
  static Pipeline Of(GraphDef graph, std::string folder, const Runtime& runtime);

  // The same surroundings around another graph.
  Pipeline With(GraphDef graph) const { return Of(std::move(graph), folder_, runtime_); }

  const GraphDef& graph() const { return graph_; }
  const std::string& folder() const { return folder_; }

  // Its params with type, default, range and doc.
  absl::StatusOr<Ordered<PortSpec>> Params() const;
  // Its params, outputs, and all that may be overridden inside.
  absl::StatusOr<Signature> Interface() const;
  // A picture of it, as SVG. Also of graphs that are not right.
  std::string Draw() const;
  // Names, types, wires, literals, order: what can be said without looking at any file.
  absl::StatusOr<Plan> MakePlan(const Overrides& overrides) const;
  // MakePlan, then a dry run: shapes, widths, files, tensors and the predicted peak of memory,
  // which has to fit where there is a budget.
  absl::StatusOr<DryRunResult> Check(const RunOptions& options) const;
  // Check, then the run itself.
  absl::StatusOr<RunResult> Run(const RunOptions& options) const;
  // The run alone: mistakes that a dry run would find show when they are reached (unless a budget
  // of memory needs one), and pictures are saved without a description.
  absl::StatusOr<RunResult> RunUnchecked(const RunOptions& options) const;
  // The graph with its composites inlined, the values of its params and what was overridden, as
  // JSON: what a saved picture carries, and what `Replay` reads.
  absl::StatusOr<std::string> Describe(const RunOptions& options) const;
  // The pipeline that a picture's description stands for, and fills in the overrides and the
  // compute type of `options`.
  static absl::StatusOr<Pipeline> Replay(absl::string_view description, std::string folder,
                                         const Runtime& runtime, RunOptions& options);

 private:
  Pipeline(GraphDef graph, std::string folder, const Runtime& runtime);
  Composites Parts() const { return MakeComposites(runtime_, folder_); }
  Environment MakeEnvironment(const RunOptions& options) const;

  GraphDef graph_;
  std::string folder_;
  Runtime runtime_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_PIPELINE_H_
