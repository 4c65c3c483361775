#ifndef WEFT_RUNTIME_COMMAND_COMMAND_H_
#define WEFT_RUNTIME_COMMAND_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nodes/weft_runtime.h"

namespace weft {

// How the command ends; `weft --help` says the same.
enum ExitCode {
  kOk = 0,
  kRunFailed = 1,
  kBadUsage = 2,
  kBadGraph = 3,
  kTestDiffers = 4,
  kInterrupted = 130,  // 128 + SIGINT, as shells count
};

// What the chosen subcommand does; gives the exit code.
using Action = std::function<int()>;

// Each adds a subcommand whose parsing puts its action into `chosen`.
void AddRunCommand(CLI::App& app, Action& chosen);
void AddCheckCommand(CLI::App& app, Action& chosen);
void AddPlanCommand(CLI::App& app, Action& chosen);
void AddNodesCommand(CLI::App& app, Action& chosen);
void AddSchemaCommand(CLI::App& app, Action& chosen);
void AddDrawCommand(CLI::App& app, Action& chosen);
void AddReplayCommand(CLI::App& app, Action& chosen);
void AddInspectCommand(CLI::App& app, Action& chosen);
void AddTestCommand(CLI::App& app, Action& chosen);
void AddLuaCommand(CLI::App& app, Action& chosen);
void AddConvertCommand(CLI::App& app, Action& chosen);
void AddBenchCommand(CLI::App& app, Action& chosen);
void AddQuantizeCommand(CLI::App& app, Action& chosen);
void AddConvertModelCommand(CLI::App& app, Action& chosen);
void AddModelsCommand(CLI::App& app, Action& chosen);

// "weft: " and each line of `message`, to standard error.
void PrintError(absl::string_view message);
// Prints the error and gives the code: kInterrupted if the run was cancelled.
int Fail(ExitCode code, const absl::Status& status);
// kBadGraph for the problems of a graph, kBadUsage for all else.
int FailToOpen(const absl::Status& status);

// The catalogue and folders of this installation, with WEFT_MODELS.
absl::StatusOr<std::unique_ptr<WeftRuntime>> OpenRuntime();

}  // namespace weft

#endif  // WEFT_RUNTIME_COMMAND_COMMAND_H_
