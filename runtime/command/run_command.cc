// weft run GRAPH: runs it, and saves the pictures that it gives.

#include <memory>
#include <string>
#include <vector>

#include "runtime/command/graph_arguments.h"
#include "runtime/command/run_graph.h"

namespace weft {
namespace {

struct Arguments {
  GraphArguments graph;
  RunArguments run;
};

int Run(const Arguments& arguments) {
  const absl::StatusOr<OpenGraph> open = arguments.graph.Open();
  if (!open.ok()) {
    return FailRun(HasProblems(open.status()) ? kBadGraph : kBadUsage, open.status(),
                   arguments.run.json);
  }
  const FinishedRun run = RunGraph(open->pipeline, open->path, open->options, arguments.run);
  if (run.code != kOk) return run.code;
  std::vector<std::string> saved;
  return SaveOutputs(open->pipeline, open->options, run, open->stem, arguments.run, saved);
}

}  // namespace

void AddRunCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "run", "Run a graph and save the pictures it gives as OUT/GRAPH.OUTPUT.png");
  auto arguments = std::make_shared<Arguments>();
  arguments->graph.AddTo(*command);
  arguments->run.AddTo(*command);
  command->callback([arguments, &chosen] { chosen = [arguments] { return Run(*arguments); }; });
}

}  // namespace weft
