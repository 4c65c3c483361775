#include "runtime/command/command.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lua/attach.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/problem.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

// <prefix> of <prefix>/bin/weft, or "".
std::string InstallPrefix() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? "" : program.parent_path().parent_path().string();
}

}  // namespace

void PrintError(absl::string_view message) {
  std::string text;
  for (const absl::string_view line : absl::StrSplit(message, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&text, "weft: ", line, "\n");
  }
  std::fflush(stdout);
  std::fputs(text.c_str(), stderr);
}

int Fail(ExitCode code, const absl::Status& status) {
  PrintError(status.message());
  return absl::IsCancelled(status) ? kInterrupted : code;
}

int FailToOpen(const absl::Status& status) {
  return Fail(HasProblems(status) ? kBadGraph : kBadUsage, status);
}

absl::StatusOr<std::unique_ptr<WeftRuntime>> OpenRuntime() {
  const char* models = std::getenv("WEFT_MODELS");
  WEFT_ASSIGN_OR_RETURN(std::unique_ptr<WeftRuntime> weft,
                        WeftRuntime::Make(InstallPrefix(), models != nullptr ? models : ""));
  WEFT_RETURN_IF_ERROR(AttachLua(*weft));
  return weft;
}

}  // namespace weft
