// weft bench GRAPH: what each node of a graph takes, and with --roofline each kernel, held against
// what this machine could do at most.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/backend/profile/profiling_backend.h"
#include "runtime/base/status_macros.h"
#include "runtime/command/graph_arguments.h"
#include "runtime/command/seconds_text.h"
#include "runtime/exec/process_memory.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

struct BenchArguments {
  GraphArguments graph;
  std::string out = "out";
  int rounds = 3;
  bool roofline = false;
  bool json = false;
};

// All that a node took in all rounds; the rounds of a loop count as one node.
struct NodeTimes {
  std::string path;
  std::string type;
  std::vector<double> seconds;

  double first() const { return seconds.front(); }
  double least() const { return *std::min_element(seconds.begin(), seconds.end()); }
  double median() const {
    std::vector<double> sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
  double total() const {
    double sum = 0;
    for (const double each : seconds) sum += each;
    return sum;
  }
};

struct Measured {
  std::vector<double> runs;  // seconds of each whole run
  std::vector<NodeTimes> nodes;
  std::vector<KernelProfile> kernels;  // of all runs
  Roofline roofline;
};

// "sample/loop[3]/noise" → "sample/loop/noise"
std::string WithoutRounds(absl::string_view path) {
  std::string kept;
  bool inside = false;
  for (const char c : path) {
    if (c == '[') inside = true;
    if (!inside) kept.push_back(c);
    if (c == ']') inside = false;
  }
  return kept;
}

void Collect(const Event& event, std::vector<NodeTimes>& nodes) {
  if (event.kind != Event::Kind::kNodeFinished) return;
  const std::string path = WithoutRounds(event.node);
  auto node = std::find_if(nodes.begin(), nodes.end(),
                           [&](const NodeTimes& known) { return known.path == path; });
  if (node == nodes.end()) node = nodes.insert(nodes.end(), NodeTimes{path, event.type, {}});
  node->seconds.push_back(event.duration);
}

absl::StatusOr<Measured> Measure(const OpenGraph& open, const BenchArguments& arguments) {
  Runtime runtime = open.weft->runtime();
  ProfilingBackend profiler(*runtime.backend);
  Measured measured;
  if (arguments.roofline) {
    WEFT_ASSIGN_OR_RETURN(measured.roofline,
                          MeasureRoofline(*runtime.backend, open.options.compute));
    runtime.backend = &profiler;
  }
  const Pipeline pipeline = Pipeline::Of(open.pipeline.graph(), open.pipeline.folder(), runtime);
  RunOptions options = open.options;
  options.output_folder = arguments.out;
  double run_seconds = 0;
  options.events = [&](const Event& event) {
    Collect(event, measured.nodes);
    run_seconds = std::max(run_seconds, event.seconds);
  };
  for (int round = 0; round < arguments.rounds; ++round) {
    run_seconds = 0;
    WEFT_RETURN_IF_ERROR(pipeline.Run(options).status());
    measured.runs.push_back(run_seconds);
  }
  measured.kernels = profiler.Kernels();
  return measured;
}

void PrintNodes(const Measured& measured) {
  std::vector<NodeTimes> nodes = measured.nodes;
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const NodeTimes& a, const NodeTimes& b) { return a.total() > b.total(); });
  size_t width = 4;
  for (const NodeTimes& node : nodes) width = std::max(width, node.path.size());
  const int path = static_cast<int>(width);
  absl::PrintF("%-*s  %6s  %9s  %9s  %9s  %9s\n", path, "node", "calls", "first ms", "least ms",
               "median ms", "all ms");
  for (const NodeTimes& node : nodes) {
    absl::PrintF("%-*s  %6d  %9.2f  %9.2f  %9.2f  %9.1f\n", path, node.path, node.seconds.size(),
                 node.first() * 1e3, node.least() * 1e3, node.median() * 1e3, node.total() * 1e3);
  }
}

void PrintKernels(const Measured& measured) {
  double all = 0;
  for (const KernelProfile& kernel : measured.kernels) all += kernel.seconds;
  absl::PrintF("\nthis machine: %.0f GFLOP/s in a large matrix product%s, %.1f GB/s in memory\n\n",
               measured.roofline.flops_per_second / 1e9,
               measured.roofline.int8_per_second > 0
                   ? absl::StrFormat(" (in 8 bits %.0f)", measured.roofline.int8_per_second / 1e9)
                   : "",
               measured.roofline.bytes_per_second / 1e9);
  absl::PrintF("%-20s %-34s %5s %6s %9s %6s %8s %7s %9s\n", "kernel", "shape", "dtype", "calls",
               "all ms", "share", "GFLOP/s", "GB/s", "of limit");
  for (const KernelProfile& kernel : measured.kernels) {
    absl::PrintF("%-20s %-34s %5s %6d %9.2f %5.1f%% %8.0f %7.1f %8.0f%%\n", kernel.kernel,
                 kernel.shape, Name(kernel.dtype), kernel.calls, kernel.seconds * 1e3,
                 100 * kernel.seconds / all, kernel.flops / kernel.seconds / 1e9,
                 kernel.bytes / kernel.seconds / 1e9,
                 100 * measured.roofline.Seconds(kernel) / kernel.seconds);
  }
  double least = 0;
  for (const KernelProfile& kernel : measured.kernels) least += measured.roofline.Seconds(kernel);
  absl::PrintF("all kernels: %.1f ms; their limits: %.1f ms (%.0f%%)\n", all * 1e3, least * 1e3,
               100 * least / all);
}

void PrintJson(const OpenGraph& open, const Measured& measured, bool roofline) {
  Json nodes = Json::array();
  for (const NodeTimes& node : measured.nodes) {
    nodes.push_back({{"path", node.path}, {"type", node.type}, {"seconds", node.seconds}});
  }
  Json json = {{"graph", open.path},
               {"precision", std::string(Name(open.options.compute))},
               {"threads", Threads()},
               {"run_seconds", measured.runs},
               {"peak_resident_bytes", PeakResidentBytes()},
               {"nodes", std::move(nodes)}};
  if (roofline) {
    Json kernels = Json::array();
    for (const KernelProfile& kernel : measured.kernels) {
      kernels.push_back({{"kernel", kernel.kernel},
                         {"shape", kernel.shape},
                         {"dtype", std::string(Name(kernel.dtype))},
                         {"calls", kernel.calls},
                         {"seconds", kernel.seconds},
                         {"flops", kernel.flops},
                         {"bytes", kernel.bytes},
                         {"limit_seconds", measured.roofline.Seconds(kernel)}});
    }
    json["roofline"] = {{"flops_per_second", measured.roofline.flops_per_second},
                        {"int8_per_second", measured.roofline.int8_per_second},
                        {"bytes_per_second", measured.roofline.bytes_per_second}};
    json["kernels"] = std::move(kernels);
  }
  std::puts(json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

int Bench(const BenchArguments& arguments) {
  const absl::StatusOr<OpenGraph> open = arguments.graph.Open();
  if (!open.ok()) return FailToOpen(open.status());
  const absl::StatusOr<DryRunResult> plan = open->pipeline.Check(open->options);
  if (!plan.ok()) return Fail(kBadGraph, plan.status());
  const absl::StatusOr<Measured> measured = Measure(*open, arguments);
  if (!measured.ok()) return Fail(kRunFailed, measured.status());
  if (arguments.json) {
    PrintJson(*open, *measured, arguments.roofline);
    return kOk;
  }
  absl::PrintF("%s, networks in %s, %d threads: %d runs, the fastest %s, at most %s of memory\n\n",
               open->path, Name(open->options.compute), Threads(), measured->runs.size(),
               SecondsText(*std::min_element(measured->runs.begin(), measured->runs.end())),
               BytesText(PeakResidentBytes()));
  PrintNodes(*measured);
  if (arguments.roofline) PrintKernels(*measured);
  return kOk;
}

}  // namespace

void AddBenchCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "bench", "Run a graph several times and say what each node took, or each kernel");
  auto arguments = std::make_shared<BenchArguments>();
  arguments->graph.AddTo(*command);
  command->add_option("--rounds", arguments->rounds, "How many runs")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command->add_option("--out", arguments->out, "The folder for what nodes write")
      ->capture_default_str();
  command->add_flag("--roofline", arguments->roofline,
                    "List the kernels too, against what arithmetic and memory allow here");
  command->add_flag("--json", arguments->json, "For programs");
  command->callback([arguments, &chosen] { chosen = [arguments] { return Bench(*arguments); }; });
}

}  // namespace weft
