#include "runtime/command/run_graph.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "runtime/command/output_folder.h"
#include "runtime/command/pictures.h"
#include "runtime/exec/trace.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler sets it

void Interrupt(int) { interrupted = true; }

// While it lives, Ctrl-C asks the run to stop. The second one does what it always does.
class InterruptGuard {
 public:
  InterruptGuard() {
    struct sigaction action = {};
    action.sa_handler = Interrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &before_int_);
    sigaction(SIGTERM, &action, &before_term_);
  }
  ~InterruptGuard() {
    sigaction(SIGINT, &before_int_, nullptr);
    sigaction(SIGTERM, &before_term_, nullptr);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction before_int_ = {};
  struct sigaction before_term_ = {};
};

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Scalars, which are worth printing; null for all else.
Json ScalarJson(const Value& value) {
  if (const bool* x = value.AsBool()) return *x;
  if (const int64_t* x = value.AsInt()) return *x;
  if (const double* x = value.AsFloat()) return *x;
  if (const std::string* x = value.AsText()) return *x;
  return nullptr;
}

}  // namespace

void RunArguments::AddTo(CLI::App& command) {
  command.add_option("--out", out, "The folder for what the graph gives and writes")
      ->capture_default_str();
  command.add_option("--preview", previews, "A folder for pictures of the work in progress");
  command.add_option("--trace", trace,
                     "A file for what every node took: Chrome trace JSON, for chrome://tracing or "
                     "Perfetto");
  command.add_flag("--allow-outside-paths", allow_outside_paths,
                   "Let nodes write outside the output folder");
  command.add_flag("--quiet", quiet, "Print nothing but errors, notices and results");
  command.add_flag("--json", json, "Tell programs what happens: a JSON object a line");
}

int FailRun(ExitCode code, const absl::Status& status, bool json) {
  const int exit_code = Fail(code, status);
  if (json) {
    Json problems = Json::array();
    for (const Problem& problem : ProblemsOf(status)) {
      problems.push_back({{"file", problem.file},
                          {"line", problem.line},
                          {"json_path", problem.json_path},
                          {"node", problem.node},
                          {"type", problem.type},
                          {"port", problem.port},
                          {"message", problem.message}});
    }
    std::puts(Dump({{"event", "error"},
                    {"exit_code", exit_code},
                    {"message", std::string(status.message())},
                    {"problems", std::move(problems)}})
                  .c_str());
  }
  return exit_code;
}

FinishedRun RunGraph(const Pipeline& pipeline, const std::string& name, RunOptions options,
                     const RunArguments& arguments) {
  FinishedRun run;
  const auto fail = [&](ExitCode code, const absl::Status& status) {
    run.code = FailRun(code, status, arguments.json);
    return std::move(run);
  };
  const absl::StatusOr<Plan> plan = pipeline.MakePlan(options.overrides);
  if (!plan.ok()) return fail(kBadGraph, plan.status());
  for (const PlannedOutput& output : plan->outputs) run.types[output.name] = output.type;
  const std::string writer = arguments.save ? WriterOf(*plan, arguments.allow_outside_paths) : "";
  if (!writer.empty()) {
    if (const absl::Status status = CheckFolder(arguments.out); !status.ok()) {
      return fail(kRunFailed, Annotate(status, writer));
    }
  }

  const InterruptGuard guard;
  interrupted = false;
  Progress progress(Progress::Choose(arguments.quiet, arguments.json), arguments.previews);
  Trace trace;
  bool checked = false;
  options.output_folder = arguments.out;
  options.allow_outside_paths = arguments.allow_outside_paths;
  options.cancelled = &interrupted;
  options.checked = [&](const DryRunResult& expected) {
    checked = true;
    progress.Start(name, options, expected);
  };
  options.events = [&](const Event& event) {
    trace.Add(event);
    progress.On(event);
  };
  absl::StatusOr<RunResult> result = pipeline.Run(options);
  progress.Clear();
  // Whatever happened, what has been measured is worth keeping.
  if (!arguments.trace.empty() && checked) {
    const absl::Status traced = WriteFile(arguments.trace, trace.ToJson());
    if (result.ok() && !traced.ok()) return fail(kRunFailed, traced);
  }
  if (!result.ok()) return fail(checked ? kRunFailed : kBadGraph, result.status());
  if (!progress.status().ok()) return fail(kRunFailed, progress.status());
  progress.Finish(*result);
  run.result = *std::move(result);
  run.files = progress.files();
  return run;
}

int SaveOutputs(const Pipeline& pipeline, const RunOptions& options, const FinishedRun& run,
                const std::string& stem, const RunArguments& arguments,
                std::vector<std::string>& saved) {
  absl::StatusOr<std::string> description = pipeline.Describe(options);
  if (!description.ok()) return FailRun(kRunFailed, description.status(), arguments.json);
  for (const auto& [name, value] : run.result.outputs) {
    const Type& type = run.types.at(name);
    Json event = {{"event", "output"}, {"name", name}, {"type", type.ToString()}};
    if (Json scalar = ScalarJson(value); !scalar.is_null()) {
      if (!arguments.json) std::printf("%s = %s\n", name.c_str(), Dump(scalar).c_str());
      event["value"] = std::move(scalar);
    } else {
      absl::StatusOr<std::vector<Tensor>> pictures = PicturesOf(type, value);
      absl::Status status = pictures.status();
      std::vector<std::string> paths;
      if (status.ok() && !pictures->empty()) {
        status = MakeFolder(arguments.out);
        const std::string path =
            (std::filesystem::path(arguments.out) / absl::StrCat(stem, ".", name, ".png")).string();
        if (status.ok()) {
          absl::StatusOr<std::vector<std::string>> written =
              WritePictures(*pictures, path, *description);
          status = written.status();
          if (status.ok()) paths = *std::move(written);
        }
      }
      if (!status.ok()) {
        return FailRun(kRunFailed, Annotate(status, absl::StrCat("output \"", name, "\"")),
                       arguments.json);
      }
      if (!paths.empty()) event["files"] = paths;
      event["describe"] = Describe(value);
      saved.insert(saved.end(), paths.begin(), paths.end());
    }
    if (arguments.json) std::puts(Dump(event).c_str());
  }
  for (const std::string& path : run.files) {
    if (arguments.json) {
      std::puts(Dump({{"event", "file"}, {"path", path}}).c_str());
    } else {
      std::puts(path.c_str());
    }
  }
  if (!arguments.json) {
    for (const std::string& path : saved) std::puts(path.c_str());
  }
  return kOk;
}

}  // namespace weft
