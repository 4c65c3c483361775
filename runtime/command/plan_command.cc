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
#include "runtime/exec/fit_memory.h"
#include "runtime/exec/process_memory.h"

namespace weft {
namespace {

struct PlanArguments {
  GraphArguments graph;
  bool json = false;
};

struct Memory {
  size_t program = 0;  // code and libraries
  size_t working = kWorkingBytes;
  size_t tensors = 0;   // with packed weights
  size_t kept = 0;      // of the packed weights, what a budget keeps,
  size_t streamed = 0;  // and what it does not
  size_t peak() const { return program + working + tensors; }
};

void PrintJson(const OpenGraph& open, const DryRunResult& plan, const Memory& memory) {
  using Json = nlohmann::ordered_json;
  Json nodes = Json::array();
  for (const DryRunNode& node : plan.nodes) {
    Json outputs = Json::object();
    for (const auto& [port, gives] : node.outputs) outputs[port] = gives;
    Json described = {{"path", node.path},
                      {"type", node.type},
                      {"outputs", std::move(outputs)},
                      {"live_bytes", node.live_bytes},
                      {"peak_bytes", node.peak_bytes}};
    if (plan.memory.has_value()) {
      described["kept_bytes"] = node.kept_bytes;
      described["streamed_bytes"] = node.streamed_bytes;
    }
    nodes.push_back(std::move(described));
  }
  Json outputs = Json::object();
  for (const auto& [name, gives] : plan.outputs) outputs[name] = gives;
  Json json = {{"graph", open.path},
               {"precision", std::string(Name(open.options.compute))},
               {"nodes", std::move(nodes)},
               {"outputs", std::move(outputs)},
               {"memory",
                {{"program_bytes", memory.program},
                 {"working_bytes", memory.working},
                 {"tensors_bytes", memory.tensors},
                 {"peak_bytes", memory.peak()}}}};
  if (plan.memory.has_value()) {
    json["memory"]["budget_bytes"] = plan.memory->budget;
    json["memory"]["least_bytes"] = plan.memory->least;
    json["memory"]["everything_bytes"] = plan.memory->everything;
    json["memory"]["all_kept"] = plan.memory->all_kept;
    json["memory"]["kept_bytes"] = memory.kept;
    json["memory"]["streamed_bytes"] = memory.streamed;
  }
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
  const bool some = plan.memory.has_value() && !plan.memory->all_kept;
  const auto weights = [some](const std::string& kept, const std::string& streamed) {
    return some ? absl::StrFormat("%10s  %10s  ", kept, streamed) : "";
  };
  absl::PrintF("%-*s  %-*s  %10s  %10s  %s%s\n", path, "node", type, "type", "live", "peak",
               weights("kept", "streamed"), "gives");
  for (const DryRunNode& node : plan.nodes) {
    const std::string gives =
        absl::StrJoin(node.outputs, "; ", [&node](std::string* out, const auto& output) {
          absl::StrAppend(out, node.outputs.size() > 1 ? output.first + ": " : "", output.second);
        });
    absl::PrintF("%-*s  %-*s  %10s  %10s  %s%s\n", path, node.path, type, node.type,
                 BytesText(node.live_bytes), BytesText(node.peak_bytes),
                 weights(BytesText(node.kept_bytes), BytesText(node.streamed_bytes)), gives);
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
  if (!plan.memory.has_value()) return;
  if (plan.memory->budget != kLeastMemory) {
    line("budget", plan.memory->budget, "what --memory allows");
  }
  line("everything", plan.memory->everything, "the peak with all packed weights kept");
  line("least", plan.memory->least, "the peak with none kept");
  if (!some) return;
  line("kept", memory.kept, "of the weights: packed once");
  line("streamed", memory.streamed, "of the weights: packed for each use");
}

int ShowPlan(const PlanArguments& arguments) {
  const absl::StatusOr<OpenGraph> open = arguments.graph.Open();
  if (!open.ok()) return FailToOpen(open.status());
  Memory memory;
  memory.program = ResidentBytes();
  const absl::StatusOr<DryRunResult> plan = open->pipeline.Check(open->options);
  if (!plan.ok()) return Fail(kBadGraph, plan.status());
  memory.tensors = plan->peak_bytes;
  for (const DryRunNode& node : plan->nodes) {
    memory.kept += node.kept_bytes;
    memory.streamed += node.streamed_bytes;
  }
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
