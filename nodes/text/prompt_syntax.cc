#include "nodes/text/prompt_syntax.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr int kDeepest = 50;  // schedules within schedules

// A text that is as long as it is read so far, and the steps in which it reads so.
struct Reading {
  std::string text;
  StepRange steps;
};

// Writes out a text with schedules as one text for each range of steps. The brackets of emphasis
// stay in the texts.
class Schedules {
 public:
  explicit Schedules(absl::string_view text) : text_(text), closing_(text.size(), kNone) {
    FindPairs();
  }

  absl::StatusOr<std::vector<Reading>> Read() {
    return Read(0, text_.size(), std::vector<Reading>(1), 0);
  }

 private:
  static constexpr size_t kNone = absl::string_view::npos;
  struct Window {
    size_t begin, end;
  };

  // For each opening bracket, the one that closes it.
  void FindPairs() {
    std::vector<size_t> open;
    for (size_t i = 0; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '\\') {
        ++i;
      } else if (c == '(' || c == '[') {
        open.push_back(i);
      } else if (c == ')' || c == ']') {
        if (open.empty() || text_[open.back()] != (c == ')' ? '(' : '[')) continue;
        closing_[open.back()] = i;
        open.pop_back();
      }
    }
  }

  // Reads text_[begin, end) behind each of `before`.
  absl::StatusOr<std::vector<Reading>> Read(size_t begin, size_t end, std::vector<Reading> before,
                                            int depth) {
    size_t literal = begin;
    const auto take_literal = [&](size_t until) {
      for (Reading& reading : before) {
        absl::StrAppend(&reading.text, text_.substr(literal, until - literal));
      }
    };
    for (size_t i = begin; i < end; ++i) {
      if (text_[i] == '\\') ++i;
      if (i >= end || closing_[i] == kNone || text_[i] != '[' || depth >= kDeepest) continue;
      const Window inside = {i + 1, closing_[i]};
      const std::vector<size_t> bars = Marks(inside, '|');
      const std::vector<size_t> colons = Marks(inside, ':');
      const std::vector<Option> options =
          bars.empty() ? Scheduled(inside, colons) : Alternating(inside, bars);
      if (options.empty()) continue;  // emphasis; what is inside may be scheduled
      take_literal(i);
      WEFT_ASSIGN_OR_RETURN(before, ReadOptions(options, before, depth));
      i = inside.end;
      literal = i + 1;
    }
    take_literal(end);
    return before;
  }

  struct Option {
    Window text;
    StepRange steps;
  };

  absl::StatusOr<std::vector<Reading>> ReadOptions(const std::vector<Option>& options,
                                                   const std::vector<Reading>& before, int depth) {
    std::vector<Reading> all;
    for (const Option& option : options) {
      std::vector<Reading> possible;
      for (const Reading& reading : before) {
        if (const auto steps = Both(reading.steps, option.steps); steps.has_value()) {
          possible.push_back({reading.text, *steps});
        }
      }
      if (possible.empty()) continue;
      WEFT_ASSIGN_OR_RETURN(
          possible, Read(option.text.begin, option.text.end, std::move(possible), depth + 1));
      std::move(possible.begin(), possible.end(), std::back_inserter(all));
      if (all.size() > kMaxPromptTexts) {
        return Invalid("the schedules of this prompt make more than ", kMaxPromptTexts, " texts");
      }
    }
    return all;
  }

  // Where `mark` stands in the window, but not inside of brackets in it.
  std::vector<size_t> Marks(Window window, char mark) const {
    std::vector<size_t> marks;
    for (size_t i = window.begin; i < window.end; ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == mark) {
        marks.push_back(i);
      } else if (closing_[i] != kNone) {
        i = closing_[i];
      }
    }
    return marks;
  }

  // [from:to:when] and [to:when]; none where it is not that.
  std::vector<Option> Scheduled(Window inside, const std::vector<size_t>& colons) const {
    if (colons.empty() || colons.size() > 2) return {};
    const absl::string_view when =
        absl::StripAsciiWhitespace(text_.substr(colons.back() + 1, inside.end - colons.back() - 1));
    const std::optional<double> number = WholeNumber(when);
    if (!number.has_value()) return {};
    const bool is_share = *number < 1.0 || (*number <= 1.0 && when.find('.') != kNone);
    StepRange until, from;
    if (is_share) {
      until.last_share = from.first_share = *number;
    } else {
      // No run has more steps than can be counted.
      const auto step = static_cast<int64_t>(std::min(*number, 1e9));
      until.end_step = from.first_step = step;
    }
    const size_t middle = colons.size() == 2 ? colons[0] : inside.begin;
    const size_t second = colons.size() == 2 ? middle + 1 : inside.begin;
    return {{{inside.begin, middle}, until}, {{second, colons.back()}, from}};
  }

  static std::vector<Option> Alternating(Window inside, const std::vector<size_t>& bars) {
    std::vector<Option> options;
    size_t begin = inside.begin;
    for (size_t i = 0; i <= bars.size(); ++i) {
      const size_t end = i < bars.size() ? bars[i] : inside.end;
      StepRange steps;
      steps.turns = static_cast<int64_t>(bars.size()) + 1;
      steps.turn = static_cast<int64_t>(i);
      options.push_back({{begin, end}, steps});
      begin = end + 1;
    }
    return options;
  }

  absl::string_view text_;
  std::vector<size_t> closing_;
};

// Takes ": number" from the end of a text that AND joins to others.
double TakeWeight(absl::string_view& text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return 1.0;
  const auto weight = WholeNumber(absl::StripAsciiWhitespace(text.substr(colon + 1)));
  if (!weight.has_value()) return 1.0;
  text = absl::StripTrailingAsciiWhitespace(text.substr(0, colon));
  return *weight;
}

}  // namespace

absl::StatusOr<std::vector<PromptText>> ParsePrompt(absl::string_view prompt) {
  if (prompt.size() > kMaxPromptBytes) {
    return Invalid("a prompt of ", prompt.size(), " bytes; one with syntax has at most ",
                   kMaxPromptBytes);
  }
  std::vector<PromptText> texts;
  for (absl::string_view part : SplitAtWord(prompt, "AND")) {
    const double weight = TakeWeight(part);
    WEFT_ASSIGN_OR_RETURN(const std::vector<Reading> readings, Schedules(part).Read());
    for (const Reading& reading : readings) {
      texts.push_back({ParseEmphasis(reading.text), weight, reading.steps});
    }
    if (texts.size() > kMaxPromptTexts) {
      return Invalid("this prompt makes more than ", kMaxPromptTexts, " texts");
    }
  }
  return texts;
}

}  // namespace weft
