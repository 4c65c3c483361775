// weft lua [SCRIPT ARGS…]: one's own scripts, with all of Lua; without a script, line by line.

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "lua/definitions.h"
#include "lua/program.h"
#include "runtime/base/file.h"
#include "runtime/command/command.h"
#include "runtime/command/graph_arguments.h"
#include "runtime/command/lua_session.h"

namespace weft {
namespace {

struct Arguments {
  std::vector<std::string> script;  // and its arguments
  std::string evaluate;
  bool definitions = false;
  std::string out = "out";
  ComputeArguments compute;
};

std::atomic<bool> interrupted{false};

void Interrupt(int) { interrupted = true; }

// Ctrl-C ends what runs, within a step; a second one kills.
void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = Interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int RunLua(const Arguments& arguments) {
  const absl::StatusOr<std::unique_ptr<WeftRuntime>> weft = OpenRuntime();
  if (!weft.ok()) return Fail(kRunFailed, weft.status());
  if (arguments.definitions) {
    const std::string text = LuaDefinitions((*weft)->registry(), (*weft)->InstalledComposites());
    std::fputs(text.c_str(), stdout);
    return kOk;
  }
  RunOptions options;
  const absl::Status applied = arguments.compute.ApplyTo(options);
  if (!applied.ok()) return Fail(kBadUsage, applied);
  absl::StatusOr<std::unique_ptr<LuaProgram>> program = LuaProgram::Make(**weft, &interrupted);
  if (!program.ok()) return Fail(kRunFailed, program.status());
  (*program)->defaults().compute = options.compute;
  (*program)->defaults().memory = options.memory;
  (*program)->defaults().output_folder = arguments.out;
  if (arguments.script.empty() && arguments.evaluate.empty()) {
    return RunLuaSession(**program, interrupted);
  }
  CatchInterrupts();
  absl::Status status;
  if (!arguments.evaluate.empty()) {
    status = (*program)->RunText(arguments.evaluate, "=(command line)");
  } else {
    const std::string& path = arguments.script[0];
    if (!FileExists(path)) return Fail(kBadUsage, absl::NotFoundError(path + ": no such script"));
    status = (*program)->RunFile(path, {arguments.script.begin() + 1, arguments.script.end()});
  }
  if (interrupted) status = absl::CancelledError("interrupted");
  return status.ok() ? kOk : Fail(kRunFailed, status);
}

}  // namespace

void AddLuaCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "lua", "Run a Lua script of your own, trusted, or without one read Lua line by line");
  auto arguments = std::make_shared<Arguments>();
  command->footer(
      "weft lua [OPTIONS] [SCRIPT [ARGUMENTS...]]: options of weft come before the script.");
  command->add_option("-e", arguments->evaluate, "Lua text to run in place of a script");
  command->add_flag("--definitions", arguments->definitions,
                    "Print what the table weft offers as definitions for editors (LuaLS)");
  command->add_option("--out", arguments->out, "The folder for what nodes write")
      ->capture_default_str();
  arguments->compute.AddTo(*command);
  // The first word that is no option is the script, and what follows belongs to it.
  command->prefix_command();
  command->callback([arguments, command, &chosen] {
    arguments->script = command->remaining();
    if (!arguments->script.empty() && arguments->script[0][0] == '-') {
      throw CLI::ExtrasError(arguments->script);
    }
    chosen = [arguments] { return RunLua(*arguments); };
  });
}

}  // namespace weft
