#include "nodes/text/prompt_emphasis.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace weft {
namespace {

constexpr double kRound = 1.1;
constexpr double kSquare = 1 / 1.1;
constexpr size_t kDeepest = 100;
constexpr double kGreatest = 1e4;  // of a weight: nested ones must not leave the range of f32
constexpr absl::string_view kBreak = "BREAK";

bool TouchesWord(absl::string_view text, size_t begin, size_t end) {
  const auto is_word = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
           (static_cast<unsigned char>(c) & 0x80) != 0;
  };
  return (begin > 0 && is_word(text[begin - 1])) || (end < text.size() && is_word(text[end]));
}

// Collects parts, and the brackets that are still open: where each began.
class Emphasis {
 public:
  explicit Emphasis(absl::string_view text) : text_(text) {}

  std::vector<PromptSection> Parse() {
    for (size_t i = 0; i < text_.size();) i += Take(i);
    for (size_t begin : round_) Multiply(begin, kRound);
    for (size_t begin : square_) Multiply(begin, kSquare);
    return Sections();
  }

 private:
  struct Part {
    std::string text;
    double weight = 1.0;
    bool is_break = false;
  };

  // Reads what begins at `i`: the number of bytes.
  size_t Take(size_t i) {
    const absl::string_view rest = text_.substr(i);
    switch (rest[0]) {
      case '\\': {
        const bool escapes =
            rest.size() > 1 && absl::string_view("()[]\\").find(rest[1]) != absl::string_view::npos;
        if (escapes) Add(rest.substr(1, 1));
        return escapes ? 2 : 1;  // one before anything else is dropped
      }
      case '(':
      case '[': {
        std::vector<size_t>& open = rest[0] == '(' ? round_ : square_;
        if (round_.size() + square_.size() < kDeepest) {
          open.push_back(parts_.size());
        } else {
          Add(rest.substr(0, 1));
        }
        return 1;
      }
      case ')':
        if (!Close(round_, kRound)) Add(")");
        return 1;
      case ']':
        if (!Close(square_, kSquare)) Add("]");
        return 1;
      case ':':
        if (const size_t length = TakeWeight(rest); length > 0) return length;
        Add(":");
        return 1;
      default: {
        const size_t length = std::min(rest.find_first_of("\\()[]:"), rest.size());
        AddText(rest.substr(0, length));
        return length;
      }
    }
  }

  // ": 1.3)" where a round bracket is open; 0 where it is not that.
  size_t TakeWeight(absl::string_view rest) {
    // A number is short: looking further would make a long text slow.
    constexpr size_t kLongest = 64;
    const size_t end = rest.substr(0, kLongest).find(')');
    if (end == absl::string_view::npos || round_.empty()) return 0;
    const std::optional<double> weight =
        WholeNumber(absl::StripAsciiWhitespace(rest.substr(1, end - 1)));
    if (!weight.has_value()) return 0;
    Close(round_, *weight);
    return end + 1;
  }

  bool Close(std::vector<size_t>& open, double factor) {
    if (open.empty()) return false;
    Multiply(open.back(), factor);
    open.pop_back();
    return true;
  }

  void Multiply(size_t begin, double factor) {
    for (size_t i = begin; i < parts_.size(); ++i) {
      parts_[i].weight = std::clamp(parts_[i].weight * factor, -kGreatest, kGreatest);
    }
  }

  void Add(absl::string_view text) { parts_.push_back({.text = std::string(text)}); }

  // Text without brackets, in which BREAK may stand; the spaces around it fall away.
  void AddText(absl::string_view text) {
    const std::vector<absl::string_view> pieces = SplitAtWord(text, kBreak);
    for (size_t i = 0; i < pieces.size(); ++i) {
      absl::string_view piece = pieces[i];
      if (i > 0) {
        parts_.push_back({.text = "", .is_break = true});
        piece = absl::StripLeadingAsciiWhitespace(piece);
      }
      if (i + 1 < pieces.size()) piece = absl::StripTrailingAsciiWhitespace(piece);
      if (!piece.empty()) Add(piece);
    }
  }

  std::vector<PromptSection> Sections() {
    std::vector<PromptSection> sections(1);
    for (Part& part : parts_) {
      PromptSection& section = sections.back();
      if (part.is_break) {
        sections.emplace_back();
      } else if (!section.empty() && section.back().weight == part.weight) {
        section.back().text += part.text;
      } else {
        section.push_back({std::move(part.text), part.weight});
      }
    }
    return sections;
  }

  absl::string_view text_;
  std::vector<Part> parts_;
  std::vector<size_t> round_;
  std::vector<size_t> square_;
};

}  // namespace

std::vector<PromptSection> ParseEmphasis(absl::string_view text) { return Emphasis(text).Parse(); }

std::optional<double> WholeNumber(absl::string_view text) {
  absl::string_view digits = text;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("0123456789.") != absl::string_view::npos ||
      std::count(digits.begin(), digits.end(), '.') > 1 || digits == ".") {
    return std::nullopt;
  }
  double value = 0;
  if (!absl::SimpleAtod(text, &value)) return std::nullopt;
  return value;
}

std::vector<absl::string_view> SplitAtWord(absl::string_view text, absl::string_view word) {
  std::vector<absl::string_view> pieces;
  size_t begin = 0;
  for (size_t at = text.find(word); at != absl::string_view::npos;
       at = text.find(word, at + word.size())) {
    if (TouchesWord(text, at, at + word.size())) continue;
    pieces.push_back(text.substr(begin, at - begin));
    begin = at + word.size();
  }
  pieces.push_back(text.substr(begin));
  return pieces;
}

}  // namespace weft
