#include "lua/graph_file.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "lua/door.h"
#include "lua/state.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/problem.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestScript = size_t{4} << 20;
constexpr size_t kMostNestedFiles = 16;
constexpr size_t kMostPrinted = size_t{64} << 10;

// The graph files that this thread is reading: a composite may be written in Lua too, and one that
// contains itself would be read for ever.
thread_local std::vector<std::string> reading;

}  // namespace

absl::StatusOr<GraphDef> ParseLuaGraph(absl::string_view text, const std::string& path,
                                       const Runtime& runtime) {
  if (std::find(reading.begin(), reading.end(), path) != reading.end()) {
    return ToStatus({{.file = path, .message = "the composite contains itself"}});
  }
  if (reading.size() >= kMostNestedFiles) {
    return ToStatus(
        {{.file = path,
          .message = absl::StrCat("composites are nested deeper than ", kMostNestedFiles)}});
  }
  reading.push_back(path);
  const auto leave = absl::MakeCleanup([] { reading.pop_back(); });
  WEFT_ASSIGN_OR_RETURN(std::unique_ptr<LuaState> state, LuaState::Sandboxed(ScriptLimits()));
  const std::string folder = fs::path(path).parent_path().string();
  Door door(runtime, folder.empty() ? "." : folder);
  state->door = &door;
  size_t printed = 0;
  state->print = [&printed](const std::string& line) {
    if (printed > kMostPrinted) return;
    printed += line.size() + 1;
    std::fprintf(stderr, "%s\n", line.c_str());
  };
  GraphDef graph;
  absl::Status status = state->Protected([&](lua_State* L) {
    OpenWeft(L);
    state->Load(L, text, "@" + path);
    GraphDef start;
    start.file = path;
    absl::StatusOr<GraphDef> made = BuildGraph(L, 1, std::move(start));
    if (!made.ok()) state->Raise(L, made.status());
    graph = *std::move(made);
  });
  if (status.ok()) return graph;
  std::vector<Problem> problems = ProblemsOf(status);
  for (Problem& problem : problems) {
    // Lua shortens long paths in its own errors.
    const bool shortened = problem.file.rfind("...", 0) == 0 || problem.file.empty();
    if (shortened) problem.file = path;
  }
  return ToStatus(problems, status.code());
}

absl::StatusOr<GraphDef> LoadLuaGraph(const std::string& path, const Runtime& runtime) {
  absl::StatusOr<std::string> text = ReadFile(path, kLongestScript);
  if (!text.ok()) {
    return absl::Status(text.status().code() == absl::StatusCode::kNotFound
                            ? absl::StatusCode::kNotFound
                            : text.status().code(),
                        absl::StrCat(path, ": cannot read the graph"));
  }
  return ParseLuaGraph(*text, path, runtime);
}

}  // namespace weft
