// weft draw GRAPH: a picture of the graph itself.

#include <cstdio>
#include <memory>
#include <string>

#include "runtime/base/file.h"
#include "runtime/command/command.h"

namespace weft {
namespace {

struct DrawArguments {
  std::string graph;
  std::string out;
};

int Draw(const DrawArguments& arguments) {
  const absl::StatusOr<std::unique_ptr<WeftRuntime>> weft = OpenRuntime();
  if (!weft.ok()) return Fail(kRunFailed, weft.status());
  const absl::StatusOr<std::string> path = (*weft)->FindGraph(arguments.graph);
  if (!path.ok()) return FailToOpen(path.status());
  const absl::StatusOr<Pipeline> pipeline = Pipeline::Load(*path, (*weft)->runtime());
  if (!pipeline.ok()) return FailToOpen(pipeline.status());
  const std::string svg = pipeline->Draw();
  if (arguments.out.empty()) {
    std::fputs(svg.c_str(), stdout);
    return kOk;
  }
  const absl::Status written = WriteFile(arguments.out, svg);
  if (!written.ok()) return Fail(kRunFailed, written);
  std::printf("%s\n", arguments.out.c_str());
  return kOk;
}

}  // namespace

void AddDrawCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("draw", "Draw the graph itself, as SVG");
  auto arguments = std::make_shared<DrawArguments>();
  command->add_option("GRAPH", arguments->graph, "A graph file, or the name of an installed graph")
      ->required();
  command->add_option("--out", arguments->out, "The file to write; without it, standard output");
  command->callback([arguments, &chosen] { chosen = [arguments] { return Draw(*arguments); }; });
}

}  // namespace weft
