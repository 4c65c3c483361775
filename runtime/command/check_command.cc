// weft check GRAPH: everything that is wrong with a graph, without running it.

#include <cstdio>
#include <memory>
#include <string>

#include "runtime/command/graph_arguments.h"

namespace weft {
namespace {

int Check(const GraphArguments& arguments) {
  const absl::StatusOr<OpenGraph> open = arguments.Open();
  if (!open.ok()) return FailToOpen(open.status());
  const absl::StatusOr<DryRunResult> result = open->pipeline.Check(open->options);
  if (!result.ok()) return Fail(kBadGraph, result.status());
  std::printf("%s: ok\n", open->path.c_str());
  return kOk;
}

}  // namespace

void AddCheckCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "check", "Say everything that is wrong with a graph: names, types, values, files, shapes");
  auto arguments = std::make_shared<GraphArguments>();
  arguments->AddTo(*command);
  command->callback([arguments, &chosen] { chosen = [arguments] { return Check(*arguments); }; });
}

}  // namespace weft
