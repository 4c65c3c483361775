#ifndef WEFT_RUNTIME_COMMAND_RUN_GRAPH_H_
#define WEFT_RUNTIME_COMMAND_RUN_GRAPH_H_

#include <string>
#include <vector>

#include "runtime/command/command.h"
#include "runtime/command/progress.h"

namespace weft {

// What is done with a run apart from running it.
struct RunArguments {
  std::string out = "out";
  bool save = true;  // what the graph gives, below `out`
  std::string previews;
  std::string trace;
  bool allow_outside_paths = false;
  bool quiet = false;
  bool json = false;

  void AddTo(CLI::App& command);
};

// A run as the commands see it: its values, and the types that the graph gave them.
struct FinishedRun {
  int code = kOk;  // of the command, where something went wrong: it has been printed
  RunResult result;
  absl::btree_map<std::string, Type> types;  // of outputs
  std::vector<std::string> files;            // that nodes have written
};

// Runs with progress, trace and previews. Ctrl-C stops it within a step; a second one kills.
FinishedRun RunGraph(const Pipeline& pipeline, const std::string& name, RunOptions options,
                     const RunArguments& arguments);

// Writes the pictures among the outputs to `out`/`stem`.OUTPUT.png and prints what is to be
// printed, the paths last. Gives the exit code; `saved` gets the paths.
int SaveOutputs(const Pipeline& pipeline, const RunOptions& options, const FinishedRun& run,
                const std::string& stem, const RunArguments& arguments,
                std::vector<std::string>& saved);

// Prints the error, for programs too where they are being told.
int FailRun(ExitCode code, const absl::Status& status, bool json);

}  // namespace weft

#endif  // WEFT_RUNTIME_COMMAND_RUN_GRAPH_H_
