#include "runtime/command/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "runtime/base/file.h"
#include "runtime/command/command.h"
#include "runtime/command/pictures.h"
#include "runtime/command/seconds_text.h"
#include "runtime/exec/process_memory.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kBarCells = 20;
constexpr int kDefaultColumns = 80;

int TerminalColumns() {
  struct winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultColumns;
  return size.ws_col;
}

// "outer[3]/inner[0]/node" → "outer/inner/node"
std::string WithoutRounds(const std::string& path) {
  std::string plain;
  bool inside = false;
  for (const char c : path) {
    if (c == '[') inside = true;
    if (!inside) plain += c;
    if (c == ']') inside = false;
  }
  return plain;
}

}  // namespace

std::string BarText(const std::string& loop, const LoopPace& pace, int width) {
  std::string text = absl::StrCat(loop, " ");
  if (pace.total > 0) {
    const auto full = static_cast<size_t>(pace.done * kBarCells / pace.total);
    absl::StrAppend(&text, "[", std::string(full, '#'), std::string(kBarCells - full, '.'), "] ",
                    pace.done, "/", pace.total);
  } else {
    absl::StrAppend(&text, pace.done);
  }
  absl::StrAppend(&text, "  ", SecondsText(pace.seconds_a_round), " a step");
  if (pace.total > pace.done) absl::StrAppend(&text, ", ", SecondsText(pace.seconds_left), " left");
  if (width > 0 && static_cast<int>(text.size()) > width) text.resize(static_cast<size_t>(width));
  return text;
}

Progress::Style Progress::Choose(bool quiet, bool json) {
  if (json) return Style::kJson;
  if (quiet) return Style::kQuiet;
  return isatty(STDERR_FILENO) != 0 ? Style::kBar : Style::kPlain;
}

void Progress::Clear() {
  if (bar_shown_) std::fputs("\r\033[K", stderr);
  bar_shown_ = false;
}

void Progress::Say(const std::string& line) {
  Clear();
  std::fputs(absl::StrCat(line, "\n").c_str(), stderr);
}

void Progress::Emit(const Json& object) {
  std::puts(object.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

void Progress::Start(const std::string& graph, const RunOptions& options,
                     const DryRunResult& plan) {
  const std::string precision(Name(options.compute));
  if (style_ == Style::kJson) {
    Json outputs = Json::object();
    for (const auto& [name, gives] : plan.outputs) outputs[name] = gives;
    Emit({{"event", "start"},
          {"graph", graph},
          {"precision", precision},
          {"nodes", plan.nodes.size()},
          {"outputs", std::move(outputs)},
          {"tensors_bytes", plan.peak_bytes}});
  } else if (style_ != Style::kQuiet) {
    Say(absl::StrCat("running ", graph, " in ", precision));
  }
}

void Progress::On(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kNodeStarted:
      // A loop has begun when the first node in it starts.
      for (size_t at = event.node.find('['); at != std::string::npos;
           at = event.node.find('[', at + 1)) {
        began_.try_emplace(WithoutRounds(event.node.substr(0, at)), event.seconds);
      }
      [[fallthrough]];
    case Event::Kind::kNodeFinished:
      if (style_ == Style::kJson) {
        const bool started = event.kind == Event::Kind::kNodeStarted;
        Json json = {{"event", started ? "node_started" : "node_finished"},
                     {"node", event.node},
                     {"type", event.type},
                     {"seconds", event.seconds}};
        if (!started) {
          json["duration"] = event.duration;
          json["bytes"] = event.bytes;
        }
        Emit(json);
      }
      break;
    case Event::Kind::kProgress:
      OnProgress(event);
      break;
    case Event::Kind::kPreview:
      OnPreview(event);
      break;
    case Event::Kind::kFile:
      files_.push_back(event.message);
      break;
    case Event::Kind::kNotice:
      if (!notices_.insert(event.message).second) break;
      if (style_ == Style::kJson) {
        Emit({{"event", "notice"},
              {"node", event.node},
              {"type", event.type},
              {"message", event.message}});
      } else {
        Say(absl::StrCat("weft: notice: ", WithoutRounds(event.node), ": ", event.message));
      }
      break;
  }
}

void Progress::OnProgress(const Event& event) {
  if (style_ == Style::kJson) {
    Emit({{"event", "progress"},
          {"node", event.node},
          {"done", event.done},
          {"total", event.total},
          {"seconds", event.seconds}});
  }
  const std::string path = WithoutRounds(event.node);
  // A loop within another that is still going is not news.
  for (const auto& [outer, rounds] : going_) {
    if (outer != path && absl::StartsWith(path, absl::StrCat(outer, "/"))) return;
  }
  going_[path] = {event.done, event.total};
  const double began = began_.try_emplace(path, 0.0).first->second;
  LoopPace pace{.done = event.done, .total = event.total};
  pace.seconds_a_round =
      (event.seconds - began) / static_cast<double>(std::max<int64_t>(event.done, 1));
  pace.seconds_left = pace.seconds_a_round * static_cast<double>(event.total - event.done);
  if (style_ == Style::kBar) {
    const std::string bar = BarText(path, pace, TerminalColumns() - 1);
    std::fputs(absl::StrCat("\r", bar, "\033[K").c_str(), stderr);
    std::fflush(stderr);
    bar_shown_ = true;
  } else if (style_ == Style::kPlain && event.total > 0) {
    int64_t& said = said_[path];
    const int64_t tenths = event.done * 10 / event.total;
    if (tenths > said || event.done == event.total) {
      said = tenths;
      Say(absl::StrFormat("%s: %d of %d, %s a step%s", path, event.done, event.total,
                          SecondsText(pace.seconds_a_round),
                          event.done < event.total
                              ? absl::StrCat(", ", SecondsText(pace.seconds_left), " left")
                              : ""));
    }
  }
  if (event.done == event.total) {
    going_.erase(path);
    began_.erase(path);
    said_.erase(path);
  }
}

void Progress::OnPreview(const Event& event) {
  if (previews_.empty() || !status_.ok()) return;
  const std::string name = absl::StrReplaceAll(WithoutRounds(event.node), {{"/", "."}});
  const std::string path = absl::StrFormat("%s/%s.%04d.png", previews_, name, event.done);
  status_ = MakeFolder(previews_);
  absl::StatusOr<std::vector<Tensor>> pictures = PicturesOf(Type{"image"}, Value(event.image));
  if (status_.ok()) status_ = pictures.status();
  if (status_.ok()) status_ = WritePictures(*pictures, path, "").status();
  if (status_.ok() && style_ == Style::kJson) {
    Emit({{"event", "preview"}, {"node", event.node}, {"index", event.done}, {"path", path}});
  }
}

void Progress::Finish(const RunResult& result) {
  if (style_ == Style::kJson) {
    Emit({{"event", "done"},
          {"seconds", result.seconds},
          {"tensors_bytes", result.peak_bytes},
          {"peak_bytes", PeakResidentBytes()}});
  } else if (style_ != Style::kQuiet) {
    Say(absl::StrCat("done in ", SecondsText(result.seconds), ", peak memory ",
                     BytesText(PeakResidentBytes())));
  }
}

}  // namespace weft
