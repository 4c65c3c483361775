// weft quantize GRAPH: finds out how a graph's UNet computes in 8 bits, and writes it beside the
// weights.

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/backend/cpu/cpu_backend.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "runtime/command/graph_arguments.h"
#include "runtime/command/parse_value.h"
#include "runtime/ops/calibration.h"

namespace weft {
namespace {

constexpr size_t kMostBytes = size_t{16} << 20;

struct QuantizeArguments {
  GraphArguments graph;
  std::string prompts;
  std::string param = "prompt";
  std::string output;
  Int8Recipe recipe;
};

// The lines of a file that are not empty.
absl::StatusOr<std::vector<std::string>> ReadPrompts(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
  std::vector<std::string> prompts;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::string_view stripped = absl::StripAsciiWhitespace(line);
    if (!stripped.empty()) prompts.emplace_back(stripped);
  }
  if (prompts.empty()) return Invalid("\"", path, "\" holds no prompts: give one a line");
  return prompts;
}

// What each run of the calibration set changes in the graph.
absl::StatusOr<std::vector<Overrides>> CalibrationSet(const OpenGraph& open,
                                                      const QuantizeArguments& arguments) {
  if (arguments.prompts.empty()) return std::vector<Overrides>{open.options.overrides};
  WEFT_ASSIGN_OR_RETURN(const std::vector<std::string> prompts, ReadPrompts(arguments.prompts));
  WEFT_ASSIGN_OR_RETURN(const Signature signature, open.pipeline.Interface());
  std::vector<Overrides> set;
  for (const std::string& prompt : prompts) {
    std::vector<std::string> params = arguments.graph.params;
    params.push_back(absl::StrCat(arguments.param, "=", prompt));
    WEFT_ASSIGN_OR_RETURN(Overrides overrides,
                          ParseOverrides(signature, params, arguments.graph.sets));
    set.push_back(std::move(overrides));
  }
  return set;
}

// Whether a table can be put there. Leaves nothing behind.
absl::Status CheckWritable(const std::string& path) {
  if (std::error_code error; std::filesystem::exists(path, error) &&
                             !std::filesystem::is_regular_file(path, error) &&
                             !std::filesystem::is_directory(path, error)) {
    return absl::OkStatus();  // a pipe is opened once
  }
  return AtomicFile::Create(path).status();
}

// What takes an hour shall not be lost at its end: as soon as the networks are known.
absl::Status CheckOutputs(const Calibration& calibration, const std::string& output) {
  const std::vector<std::string> paths = calibration.Paths();
  if (paths.empty()) return Invalid("no UNet has run in this graph");
  if (!output.empty() && paths.size() > 1) {
    return Invalid("the graph has ", paths.size(), " UNets, and --output names one file");
  }
  if (!output.empty()) return absl::OkStatus();
  for (const std::string& path : paths) {
    if (const absl::Status status = CheckWritable(path); !status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat(status.message(), "; --output names another file"));
    }
  }
  return absl::OkStatus();
}

absl::Status RunAll(const OpenGraph& open, const std::vector<Overrides>& set, const char* what,
                    absl::FunctionRef<absl::Status()> after_first) {
  for (size_t i = 0; i < set.size(); ++i) {
    std::fprintf(stderr, "%s: run %zu of %zu\n", what, i + 1, set.size());
    RunOptions options = open.options;
    options.overrides = set[i];
    WEFT_RETURN_IF_ERROR(open.pipeline.Run(options).status());
    if (i == 0) WEFT_RETURN_IF_ERROR(after_first());
  }
  return absl::OkStatus();
}

absl::Status Write(const Int8Table& table, const std::string& path) {
  size_t kept = 0;
  for (const auto& [name, layer] : table.layers) kept += layer.kept.empty() ? 0 : 1;
  WEFT_RETURN_IF_ERROR(WriteFile(path, table.ToJson(WEFT_VERSION)));
  absl::PrintF("%s: %d of %d layers in 8 bits, %.1f%% of the multiply-adds\n", path,
               table.layers.size() - kept, table.layers.size(), 100 * table.Share());
  return absl::OkStatus();
}

absl::Status Quantize(const OpenGraph& open, const QuantizeArguments& arguments) {
  Backend& backend = *open.weft->runtime().backend;
  if (!backend.HasInt8(open.options.compute)) {
    return absl::UnimplementedError("this processor has no products of 8 bits (AVX-512 VNNI)");
  }
  if (!arguments.output.empty()) {
    if (const absl::Status status = CheckWritable(arguments.output); !status.ok()) {
      return Annotate(status, "--output");
    }
  }
  WEFT_ASSIGN_OR_RETURN(const std::vector<Overrides> set, CalibrationSet(open, arguments));
  Calibration calibration(backend, arguments.recipe);
  backend.set_observer(&calibration);
  absl::Status status =
      RunAll(open, set, "ranges", [&] { return CheckOutputs(calibration, arguments.output); });
  if (status.ok()) status = calibration.Choose();
  if (status.ok()) status = RunAll(open, set, "noise", [] { return absl::OkStatus(); });
  backend.set_observer(nullptr);
  WEFT_RETURN_IF_ERROR(status);
  WEFT_ASSIGN_OR_RETURN(const auto tables, calibration.Tables());
  for (const std::shared_ptr<Int8Table>& table : tables) {
    WEFT_RETURN_IF_ERROR(Write(*table, arguments.output.empty() ? table->path : arguments.output));
  }
  return absl::OkStatus();
}

int Run(const QuantizeArguments& arguments) {
  const Int8Recipe& recipe = arguments.recipe;
  if (recipe.first_share >= recipe.last_share) {
    return Fail(kBadUsage, Invalid("--int8-stop ", recipe.last_share,
                                   " does not lie behind --int8-start, ", recipe.first_share));
  }
  const absl::StatusOr<OpenGraph> open = arguments.graph.Open();
  if (!open.ok()) return FailToOpen(open.status());
  const absl::StatusOr<DryRunResult> plan = open->pipeline.Check(open->options);
  if (!plan.ok()) return Fail(kBadGraph, plan.status());
  const absl::Status status = Quantize(*open, arguments);
  return status.ok() ? kOk : Fail(kRunFailed, status);
}

}  // namespace

void AddQuantizeCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "quantize", "Find out how a graph's UNet computes in 8 bits: writes WEIGHTS.int8.json");
  auto arguments = std::make_shared<QuantizeArguments>();
  arguments->graph.AddTo(*command);
  command->add_option("--prompts", arguments->prompts,
                      "A file with a prompt a line: the graph runs with each (without: once)");
  command->add_option("--prompt-param", arguments->param, "The graph's param that a prompt is for")
      ->capture_default_str();
  command->add_option("--output", arguments->output,
                      "The file to write, in place of the one beside the weights");
  command
      ->add_option("--int8-start", arguments->recipe.first_share,
                   "The share of a run's steps that is done when those in 8 bits begin")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option("--int8-stop", arguments->recipe.last_share,
                   "The share that is done when they end")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  command->callback([arguments, &chosen] { chosen = [arguments] { return Run(*arguments); }; });
}

}  // namespace weft
