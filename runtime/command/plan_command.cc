// weft plan GRAPH: the order of the nodes, what each gives, and the peak of memory, without
// reading a weight.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "runtime/command/graph_arguments.h"
#include "runtime/command/memory.h"

namespace weft {
namespace {

struct PlanArguments {
  GraphArguments graph;
  bool json = false;
};

struct Memory {
  size_t program = 0;  // code and libraries
  size_t working = kWorkingBytes;
  size_t tensors = 0;  // with packed weights
  size_t peak() const { return program + working + tensors; }
};

void PrintJson(const OpenGraph& open, const DryRunResult& plan, const Memory& memory) {
  using Json = nlohmann::ordered_json;
  Json nodes = Json::array();
  for (const DryRunNode& node : plan.nodes) {
    Json outputs = Json::object();
    for (const auto& [port, gives] : node.outputs) outputs[port] = gives;
    nodes.push_back({{"path", node.path},
                     {"type", node.type},
                     {"outputs", std::move(outputs)},
                     {"live_bytes", node.live_bytes},
                     {"peak_bytes", node.peak_bytes}});
  }
  Json outputs = Json::object();
  for (const auto& [name, gives] : plan.outputs) outputs[name] = gives;
  const Json json = {{"graph", open.path},
                     {"precision", std::string(Name(open.options.compute))},
                     {"nodes", std::move(nodes)},
                     {"outputs", std::move(outputs)},
                     {"memory",
                      {{"program_bytes", memory.program},
                       {"working_bytes", memory.working},
                       {"tensors_bytes", memory.tensors},
                       {"peak_bytes", memory.peak()}}}};
  std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void PrintText(const OpenGraph& open, const DryRunResult& plan, const Memory& memory) {
  size_t path_width = 4;
  size_t type_width = 4;
  for (const DryRunNode& node : plan.nodes) {
    path_width = std::max(path_width, node.path.size());
    type_width = std::max(type_width, node.type.size());
  }
  const int path = static_cast<int>(path_width);
  const int type = static_cast<int>(type_width);
  absl::PrintF("%s: %d nodes, networks in %s\n\n", open.path, plan.nodes.size(),
               Name(open.options.compute));
  absl::PrintF("%-*s  %-*s  %10s  %10s  %s\n", path, "node", type, "type", "live", "peak", "gives");
  for (const DryRunNode& node : plan.nodes) {
    const std::string gives =
        absl::StrJoin(node.outputs, "; ", [&node](std::string* out, const auto& output) {
          absl::StrAppend(out, node.outputs.size() > 1 ? output.first + ": " : "", output.second);
        });
    absl::PrintF("%-*s  %-*s  %10s  %10s  %s\n", path, node.path, type, node.type,
                 BytesText(node.live_bytes), BytesText(node.peak_bytes), gives);
  }
  absl::PrintF("\noutputs\n");
  for (const auto& [name, gives] : plan.outputs) absl::PrintF("  %s: %s\n", name, gives);
  absl::PrintF("\nmemory\n");
  const auto line = [](absl::string_view what, size_t bytes, absl::string_view of) {
    absl::PrintF("  %-14s %10s  %s\n", what, BytesText(bytes), of);
  };
  line("program", memory.program, "code and libraries, as loaded now");
  line("working", memory.working, "stacks, what libraries allocate, slack");
  line("tensors", memory.tensors, "values on wires, scratch, packed weights and their kernels");
  line("predicted peak", memory.peak(), "of the resident set of weft run");
}

int ShowPlan(const PlanArguments& arguments) {
  const absl::StatusOr<OpenGraph> open = arguments.graph.Open();
  if (!open.ok()) return FailToOpen(open.status());
  Memory memory;
  memory.program = ResidentBytes();
  const absl::StatusOr<DryRunResult> plan = open->pipeline.Check(open->options);
  if (!plan.ok()) return Fail(kBadGraph, plan.status());
  memory.tensors = plan->peak_bytes;
  arguments.json ? PrintJson(*open, *plan, memory) : PrintText(*open, *plan, memory);
  return kOk;
}

}  // namespace

void AddPlanCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "plan", "Show the order of a graph's nodes, what each gives, and the peak of memory");
  auto arguments = std::make_shared<PlanArguments>();
  arguments->graph.AddTo(*command);
  command->add_flag("--json", arguments->json, "For programs");
  command->callback(
      [arguments, &chosen] { chosen = [arguments] { return ShowPlan(*arguments); }; });
}

}  // namespace weft
