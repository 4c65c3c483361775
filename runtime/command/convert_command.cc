// weft convert IN OUT: a graph from JSON to Lua, or the other way round.

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "lua/graph_writer.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "runtime/command/command.h"
#include "runtime/graph/graph_json.h"

namespace weft {
namespace {

struct Arguments {
  std::string in;
  std::string out;
};

absl::StatusOr<std::string> Written(const GraphDef& graph, const std::string& extension) {
  if (extension == ".lua") return ToLua(graph);
  if (extension == ".json") return ToJson(graph) + "\n";
  return Invalid("graphs are written as .json or .lua, not \"", extension, "\"");
}

int Convert(const Arguments& arguments) {
  const absl::StatusOr<std::unique_ptr<WeftRuntime>> weft = OpenRuntime();
  if (!weft.ok()) return Fail(kRunFailed, weft.status());
  const absl::StatusOr<std::string> path = (*weft)->FindGraph(arguments.in);
  if (!path.ok()) return Fail(kBadUsage, path.status());
  const absl::StatusOr<GraphDef> graph = LoadGraph(*path, (*weft)->runtime().readers);
  if (!graph.ok()) return FailToOpen(graph.status());
  const absl::StatusOr<std::string> text =
      Written(*graph, std::filesystem::path(arguments.out).extension().string());
  if (!text.ok()) {
    return Fail(kBadUsage, Annotate(text.status(), absl::StrCat("\"", arguments.out, "\"")));
  }
  const absl::Status status = WriteFile(arguments.out, *text);
  if (!status.ok()) return Fail(kRunFailed, status);
  std::printf("%s\n", arguments.out.c_str());
  return kOk;
}

}  // namespace

void AddConvertCommand(CLI::App& app, Action& chosen) {
  CLI::App* command =
      app.add_subcommand("convert", "Write a graph in the other format: JSON as Lua, Lua as JSON");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("IN", arguments->in, "A graph file, or the name of an installed graph")
      ->required();
  command->add_option("OUT", arguments->out, "The file to write, .json or .lua")->required();
  command->callback([arguments, &chosen] { chosen = [arguments] { return Convert(*arguments); }; });
}

}  // namespace weft
