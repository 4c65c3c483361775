#ifndef WEFT_RUNTIME_COMMAND_GRAPH_ARGUMENTS_H_
#define WEFT_RUNTIME_COMMAND_GRAPH_ARGUMENTS_H_

#include <memory>
#include <string>
#include <vector>

#include "runtime/command/command.h"

namespace weft {

// A graph that is ready to be checked or run.
struct OpenGraph {
  std::unique_ptr<WeftRuntime> weft;
  Pipeline pipeline;
  RunOptions options;
  std::string path;
  std::string stem;  // "txt2img" of graphs/txt2img.json
};

// The arguments that say how to compute: --precision, --memory and --threads.
struct ComputeArguments {
  std::string precision = "auto";
  std::string memory;  // "" where there is no budget
  int threads = 0;

  void AddTo(CLI::App& command);
  void AddMemoryTo(CLI::App& command);
  // Sets the threads of this process too.
  absl::Status ApplyTo(RunOptions& options) const;
};

// The arguments of all commands that take one graph.
struct GraphArguments {
  std::string graph;
  std::vector<std::string> params;
  std::vector<std::string> sets;
  ComputeArguments compute;

  void AddTo(CLI::App& command);
  absl::StatusOr<OpenGraph> Open() const;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_COMMAND_GRAPH_ARGUMENTS_H_
