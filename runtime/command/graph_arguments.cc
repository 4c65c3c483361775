#include "runtime/command/graph_arguments.h"

#include <filesystem>
#include <utility>

#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/base/status_macros.h"
#include "runtime/command/parse_value.h"
#include "runtime/exec/fit_memory.h"

namespace weft {

void ComputeArguments::AddTo(CLI::App& command) {
  command
      .add_option("--precision", precision,
                  "auto (the faster one here), f32 or bf16: what networks compute in")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "f32", "bf16"}));
  AddMemoryTo(command);
  command.add_option("--threads", threads, "How many; 0 for one each core. The result is the same")
      ->check(CLI::Range(0, 1024));
}

void ComputeArguments::AddMemoryTo(CLI::App& command) {
  command.add_option(
      "--memory", memory,
      "The most that the process may take, such as 4G or 400M: weights for which it has no room "
      "are packed again for each use, which takes longer. low: none are kept. The result is the "
      "same");
}

absl::Status ComputeArguments::ApplyTo(RunOptions& options) const {
  SetThreads(threads);
  if (!memory.empty()) {
    WEFT_ASSIGN_OR_RETURN(options.memory, ParseMemory(memory));
  }
  WEFT_ASSIGN_OR_RETURN(options.compute, ParsePrecision(precision));
  return absl::OkStatus();
}

void GraphArguments::AddTo(CLI::App& command) {
  command.add_option("GRAPH", graph, "A graph file, or the name of an installed graph")->required();
  command
      .add_option("--param", params, "NAME=VALUE: a param of the graph; may be given many times")
      ->allow_extra_args(false);
  command
      .add_option("--set", sets,
                  "NODE.INPUT=VALUE: an input of any node, composite.node.input inside a "
                  "composite; may be given many times")
      ->allow_extra_args(false);
  compute.AddTo(command);
}

absl::StatusOr<OpenGraph> GraphArguments::Open() const {
  RunOptions options;
  WEFT_RETURN_IF_ERROR(compute.ApplyTo(options));
  WEFT_ASSIGN_OR_RETURN(std::unique_ptr<WeftRuntime> weft, OpenRuntime());
  WEFT_ASSIGN_OR_RETURN(const std::string path, weft->FindGraph(graph));
  WEFT_ASSIGN_OR_RETURN(Pipeline pipeline, Pipeline::Load(path, weft->runtime()));
  if (!params.empty() || !sets.empty()) {
    absl::StatusOr<Signature> signature = pipeline.Interface();
    if (!signature.ok()) {
      // Rather all that is wrong with the graph than what hides its params.
      WEFT_RETURN_IF_ERROR(pipeline.MakePlan({}).status());
      return signature.status();
    }
    WEFT_ASSIGN_OR_RETURN(options.overrides, ParseOverrides(*signature, params, sets));
  }
  return OpenGraph{std::move(weft), std::move(pipeline), std::move(options), path,
                   std::filesystem::path(path).stem().string()};
}

}  // namespace weft
