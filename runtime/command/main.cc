// The command `weft`: graphs from a shell.

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "runtime/base/nearest_name.h"
#include "runtime/command/command.h"

namespace weft {
namespace {

constexpr char kFooter[] =
    "Exit codes: 0 done, 1 the run failed, 2 wrong usage, 3 the graph is wrong,\n"
    "4 a test differs from its reference, 130 interrupted.\n\n"
    "WEFT_MODELS: folders, separated by colons, where the models that graphs name are found.";

// The options of an app, and of the apps above it.
std::vector<std::string> OptionNames(const CLI::App* app) {
  std::vector<std::string> names;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames())
        names.push_back(absl::StrCat("--", name));
    }
  }
  return names;
}

// The parser's words on one line, in the command's own style where they can be clearer.
std::string UsageError(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const std::string see = absl::StrCat("; see ", app.get_name(), at != &app ? " " : "",
                                       at != &app ? at->get_name() : "", " --help");
  const std::vector<std::string> extra = app.remaining(true);
  if (at == &app) {
    std::vector<std::string> commands;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
      commands.push_back(command->get_name());
    }
    if (extra.empty()) return absl::StrCat("a command is missing", see);
    if (extra.front()[0] != '-') {
      return absl::StrCat("unknown command \"", extra.front(), "\"",
                          DidYouMean(extra.front(), commands), see);
    }
  }
  if (!extra.empty() && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const auto option = std::find_if(extra.begin(), extra.end(),
                                     [](const std::string& word) { return word[0] == '-'; });
    if (option == extra.end()) {
      return absl::StrCat("unexpected argument \"", extra.front(), "\"", see);
    }
    const std::string name = option->substr(0, option->find('='));
    return absl::StrCat("unknown option \"", name, "\"", DidYouMean(name, OptionNames(at)), see);
  }
  std::string message = absl::StrReplaceAll(error.what(), {{"\n", " "}});
  return absl::StrCat(message, see);
}

int Main(int argc, char** argv) {
  CLI::App app("Runs graphs of nodes that draw pictures.", "weft");
  app.footer(kFooter);
  app.set_version_flag("--version", absl::StrCat("weft ", WEFT_VERSION));
  app.require_subcommand(1);
  Action chosen;
  AddRunCommand(app, chosen);
  AddCheckCommand(app, chosen);
  AddPlanCommand(app, chosen);
  AddNodesCommand(app, chosen);
  AddSchemaCommand(app, chosen);
  AddDrawCommand(app, chosen);
  AddReplayCommand(app, chosen);
  AddInspectCommand(app, chosen);
  AddTestCommand(app, chosen);
  AddBenchCommand(app, chosen);
  AddLuaCommand(app, chosen);
  AddConvertCommand(app, chosen);
  AddConvertModelCommand(app, chosen);
  AddQuantizeCommand(app, chosen);
  AddModelsCommand(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    PrintError(UsageError(app, error));
    return kBadUsage;
  }
  const int code = chosen();
  if ((std::fflush(stdout) != 0 || std::ferror(stdout) != 0) && code == kOk) {
    PrintError("cannot write to standard output");
    return kRunFailed;
  }
  return code;
}

}  // namespace
}  // namespace weft

namespace {

// Threads that wait spin for some tens of microseconds, then sleep. Without spinning every wait
// costs a call of the system (the sketch model's picture took twice as long); spinning for long, on
// a machine that does other work too, takes the time from the very thread that is waited for (a
// picture of one second took fifty). OpenMP runtimes read this when they are loaded, before main,
// so the program starts itself again; only GCC's knows the count.
void WaitWithSense(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (setenv("OMP_WAIT_POLICY", "passive", 1) == 0 && setenv("GOMP_SPINCOUNT", "2000", 1) == 0) {
    execv("/proc/self/exe", argv);
  }
  // Where that fails, all works as before, only slower.
}

}  // namespace

int main(int argc, char** argv) {
  WaitWithSense(argv);
  // A file that outgrows its limit is an error of writing as well.
  std::signal(SIGXFSZ, SIG_IGN);
  // A reader that goes away is an error of writing, not the end of the process: pictures that are
  // being written get finished.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return weft::Main(argc, argv);
  } catch (const std::exception& error) {
    weft::PrintError(error.what());
    return weft::kRunFailed;
  }
}
