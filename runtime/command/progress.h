#ifndef WEFT_RUNTIME_COMMAND_PROGRESS_H_
#define WEFT_RUNTIME_COMMAND_PROGRESS_H_

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "runtime/pipeline.h"

namespace weft {

// How a loop goes on: rounds done, what one takes, and what is left.
struct LoopPace {
  int64_t done = 0;
  int64_t total = 0;  // 0: not known
  double seconds_a_round = 0;
  double seconds_left = 0;
};
std::string BarText(const std::string& loop, const LoopPace& pace, int width);

// Tells the user what a run does, on standard error: a bar on a terminal, a few plain lines
// elsewhere. With kJson it tells programs, on standard output, an object a line.
class Progress {
 public:
  enum class Style { kBar, kPlain, kQuiet, kJson };
  // A bar where standard error is a terminal.
  static Style Choose(bool quiet, bool json);
  // `previews`: the folder for preview pictures, or "".
  Progress(Style style, std::string previews) : style_(style), previews_(std::move(previews)) {}

  void Start(const std::string& graph, const RunOptions& options, const DryRunResult& plan);
  void On(const Event& event);
  void Finish(const RunResult& result);
  // Takes the bar away, so that something else can be printed.
  void Clear();

  Style style() const { return style_; }
  // What nodes have written, in order.
  const std::vector<std::string>& files() const { return files_; }
  // The first preview that could not be written.
  const absl::Status& status() const { return status_; }

 private:
  void OnProgress(const Event& event);
  void OnPreview(const Event& event);
  void Say(const std::string& line);
  void Emit(const nlohmann::ordered_json& object);

  Style style_;
  std::string previews_;
  std::vector<std::string> files_;
  std::set<std::string> notices_;               // that were said
  absl::btree_map<std::string, double> began_;  // when loops did, by path
  absl::btree_map<std::string, int64_t> said_;  // tenths that were said, by path
  absl::btree_map<std::string, std::pair<int64_t, int64_t>> going_;  // rounds done of all
  bool bar_shown_ = false;
  absl::Status status_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_COMMAND_PROGRESS_H_
