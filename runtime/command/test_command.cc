// weft test [GRAPH…]: runs graphs and compares what they give with references beside them.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/command/graph_arguments.h"
#include "runtime/command/reference.h"
#include "runtime/command/run_graph.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::vector<std::string> graphs;
  ComputeArguments compute{.precision = "f32", .threads = 0};
  std::string out = "out/test";
  bool update = false;
};

// graphs/*.json of the working folder.
std::vector<std::string> GraphsHere() {
  std::vector<std::string> graphs;
  std::error_code error;
  for (fs::directory_iterator it("graphs", error), end; !error && it != end; it.increment(error)) {
    const std::string path = it->path().string();
    if (absl::EndsWith(path, ".json") && !absl::EndsWith(path, ".schema.json")) {
      graphs.push_back(path);
    }
  }
  std::sort(graphs.begin(), graphs.end());
  return graphs;
}

struct Result {
  bool passed = false;
  std::vector<std::string> problems;
  std::vector<std::string> written;
  int failure = kTestDiffers;  // where it did not pass
};

Result TestGraph(const Arguments& arguments, const std::string& name) {
  Result result;
  const absl::StatusOr<OpenGraph> open =
      GraphArguments{.graph = name, .compute = arguments.compute}.Open();
  if (!open.ok()) {
    result.failure = FailToOpen(open.status());
    result.problems.emplace_back("cannot be opened");
    return result;
  }
  RunArguments quiet;
  quiet.quiet = true;
  quiet.save = false;
  quiet.out = (fs::path(arguments.out) / open->stem).string();
  const FinishedRun run = RunGraph(open->pipeline, open->path, open->options, quiet);
  if (run.code != kOk) {
    result.failure = run.code;
    result.problems.emplace_back("did not run");
    return result;
  }
  const Reference reference{.folder = (fs::path(open->pipeline.folder()) / "expected").string(),
                            .stem = open->stem,
                            .differences = arguments.out,
                            .update = arguments.update};
  int compared = 0;
  const GraphDef& graph = open->pipeline.graph();
  for (const auto& [output, value] : run.result.outputs) {
    const auto* bounds = FindIn(graph.expect, output);
    absl::StatusOr<Comparison> comparison =
        reference.Check(output, run.types.at(output), value,
                        bounds != nullptr ? *bounds : absl::btree_map<std::string, double>());
    if (!comparison.ok()) {
      result.problems.push_back(absl::StrCat(output, ": ", comparison.status().message()));
      ++compared;
      continue;
    }
    if (comparison->comparable) ++compared;
    result.written.insert(result.written.end(), comparison->written.begin(),
                          comparison->written.end());
    if (!comparison->problem.empty()) {
      result.problems.push_back(absl::StrCat(output, ": ", comparison->problem));
    }
  }
  for (const auto& [output, bounds] : graph.expect) {
    if (run.result.outputs.contains(output)) continue;
    result.problems.push_back(
        absl::StrCat("\"expect\" names \"", output, "\", which is no output of the graph"));
  }
  if (compared == 0) result.problems.emplace_back("gives nothing that could be compared");
  result.passed = result.problems.empty();
  return result;
}

int Test(const Arguments& arguments) {
  std::vector<std::string> graphs = arguments.graphs.empty() ? GraphsHere() : arguments.graphs;
  if (graphs.empty()) {
    PrintError("there are no graphs: name some, or stand where graphs/*.json are");
    return kBadUsage;
  }
  int passed = 0;
  int code = kOk;
  for (const std::string& graph : graphs) {
    const Result result = TestGraph(arguments, graph);
    if (result.failure == kInterrupted) return kInterrupted;
    std::printf("%s  %s%s%s\n", result.passed ? "ok    " : "FAILED", graph.c_str(),
                result.passed ? "" : ": ", absl::StrJoin(result.problems, "; ").c_str());
    for (const std::string& path : result.written) std::printf("        %s\n", path.c_str());
    std::fflush(stdout);
    if (result.passed) {
      ++passed;
    } else {
      code = std::max(code, result.failure);
    }
  }
  std::printf("%d passed, %d failed\n", passed, static_cast<int>(graphs.size()) - passed);
  return code;
}

}  // namespace

void AddTestCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "test",
      "Run graphs and compare their outputs with the references in expected/ beside them; the "
      "graph's \"expect\" says how far an output may be off");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("GRAPH", arguments->graphs, "Graph files; without any, graphs/*.json");
  command->add_flag("--update", arguments->update, "Write the references");
  command->add_option("--out", arguments->out, "The folder for what differs")
      ->capture_default_str();
  arguments->compute.AddTo(*command);
  command->callback([arguments, &chosen] { chosen = [arguments] { return Test(*arguments); }; });
}

}  // namespace weft
