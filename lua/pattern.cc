#include "lua/pattern.h"

#include <cctype>
#include <cstring>
#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr int kMostCaptures = 32;
constexpr int kMostNesting = 200;
constexpr size_t kLongestPattern = 1 << 16;

bool InClass(unsigned char c, char name) {
  switch (name) {
    case 'a':
      return std::isalpha(c) != 0;
    case 'c':
      return std::iscntrl(c) != 0;
    case 'd':
      return std::isdigit(c) != 0;
    case 'g':
      return std::isgraph(c) != 0;
    case 'l':
      return std::islower(c) != 0;
    case 'p':
      return std::ispunct(c) != 0;
    case 's':
      return std::isspace(c) != 0;
    case 'u':
      return std::isupper(c) != 0;
    case 'w':
      return std::isalnum(c) != 0;
    case 'x':
      return std::isxdigit(c) != 0;
    case 'z':  // an old name of the byte 0
      return c == 0;
    default:
      return false;
  }
}

// What "%c" stands for: a class, its complement for a capital, or the character itself.
std::bitset<256> Escaped(char c) {
  std::bitset<256> bytes;
  const auto byte = static_cast<unsigned char>(c);
  const char lower = static_cast<char>(std::tolower(byte));
  if (std::strchr("acdglpsuwxz", lower) == nullptr || lower == '\0') {
    bytes.set(byte);
    return bytes;
  }
  for (size_t i = 0; i < 256; ++i) bytes[i] = InClass(static_cast<unsigned char>(i), lower);
  return std::isupper(byte) != 0 ? ~bytes : bytes;
}

}  // namespace

class Pattern::Parser {
 public:
  Parser(absl::string_view text, Pattern& pattern) : text_(text), pattern_(pattern) {}

  absl::Status Parse() {
    if (text_.size() > kLongestPattern) {
      return Invalid("the pattern is longer than ", kLongestPattern, " bytes");
    }
    if (More() && Peek() == '^') {
      pattern_.anchored_ = true;
      ++at_;
    }
    while (More()) WEFT_RETURN_IF_ERROR(ParseItem());
    if (!open_.empty()) return Invalid("malformed pattern: unfinished capture");
    return absl::OkStatus();
  }

 private:
  bool More(size_t ahead = 0) const { return at_ + ahead < text_.size(); }
  char Peek(size_t ahead = 0) const { return text_[at_ + ahead]; }

  absl::Status ParseItem() {
    Item item;
    switch (Peek()) {
      case '(':
        ++at_;
        item.kind = More() && Peek() == ')' ? Kind::kPosition : Kind::kOpen;
        if (pattern_.captures_ == kMostCaptures) return Invalid("too many captures in a pattern");
        item.capture = pattern_.captures_++;
        finished_.push_back(item.kind == Kind::kPosition);
        if (item.kind == Kind::kPosition) {
          ++at_;
        } else {
          open_.push_back(item.capture);
        }
        break;
      case ')':
        ++at_;
        if (open_.empty()) return Invalid("invalid pattern capture: \")\" without \"(\"");
        item.kind = Kind::kClose;
        item.capture = open_.back();
        finished_[static_cast<size_t>(item.capture)] = true;
        open_.pop_back();
        break;
      case '$':
        if (!More(1)) {
          ++at_;
          item.kind = Kind::kEnd;
          break;
        }
        [[fallthrough]];
      default:
        WEFT_RETURN_IF_ERROR(ParseMatcher(item));
    }
    pattern_.items_.push_back(item);
    return absl::OkStatus();
  }

  absl::Status ParseMatcher(Item& item) {
    if (Peek() == '%' && More(1) && (Peek(1) == 'b' || Peek(1) == 'f' || std::isdigit(Peek(1)))) {
      return ParseSpecial(item);
    }
    WEFT_RETURN_IF_ERROR(ParseBytes(item.bytes));
    if (!More()) return absl::OkStatus();
    switch (Peek()) {
      case '*':
        item.repeat = Repeat::kMany;
        break;
      case '+':
        item.repeat = Repeat::kManyAtLeastOne;
        break;
      case '-':
        item.repeat = Repeat::kManyLazily;
        break;
      case '?':
        item.repeat = Repeat::kMaybe;
        break;
      default:
        return absl::OkStatus();
    }
    ++at_;
    return absl::OkStatus();
  }

  absl::Status ParseSpecial(Item& item) {
    const char what = Peek(1);
    at_ += 2;
    if (what == 'b') {
      if (!More(1)) return Invalid("malformed pattern: \"%b\" needs two characters");
      item.kind = Kind::kBalance;
      item.open = static_cast<unsigned char>(Peek());
      item.close = static_cast<unsigned char>(Peek(1));
      at_ += 2;
      return absl::OkStatus();
    }
    if (what == 'f') {
      if (!More() || Peek() != '[') return Invalid("malformed pattern: \"[\" is missing after %f");
      item.kind = Kind::kFrontier;
      return ParseSet(item.bytes);
    }
    item.kind = Kind::kBack;
    item.capture = what - '1';
    if (item.capture < 0 || item.capture >= pattern_.captures_ ||
        !finished_[static_cast<size_t>(item.capture)]) {
      return Invalid("invalid capture index %", what - '0', " in a pattern");
    }
    return absl::OkStatus();
  }

  absl::Status ParseBytes(Bytes& bytes) {
    switch (Peek()) {
      case '.':
        bytes.set();
        break;
      case '[':
        return ParseSet(bytes);
      case '%':
        if (!More(1)) return Invalid("malformed pattern: it ends with \"%\"");
        bytes = Escaped(Peek(1));
        ++at_;
        break;
      default:
        bytes.set(static_cast<unsigned char>(Peek()));
    }
    ++at_;
    return absl::OkStatus();
  }

  absl::Status ParseSet(Bytes& bytes) {
    ++at_;
    const bool complement = More() && Peek() == '^';
    if (complement) ++at_;
    bool first = true;  // a "]" that comes first is one of the set
    while (true) {
      if (!More()) return Invalid("malformed pattern: \"]\" is missing");
      if (Peek() == ']' && !first) break;
      first = false;
      if (Peek() == '%') {
        if (!More(1)) return Invalid("malformed pattern: \"]\" is missing");
        bytes |= Escaped(Peek(1));
        at_ += 2;
      } else if (More(2) && Peek(1) == '-' && Peek(2) != ']') {
        const auto low = static_cast<unsigned char>(Peek());
        const auto high = static_cast<unsigned char>(Peek(2));
        for (size_t c = low; c <= high; ++c) bytes.set(c);
        at_ += 3;
      } else {
        bytes.set(static_cast<unsigned char>(Peek()));
        ++at_;
      }
    }
    ++at_;
    if (complement) bytes.flip();
    return absl::OkStatus();
  }

  absl::string_view text_;
  Pattern& pattern_;
  size_t at_ = 0;
  std::vector<int> open_;
  std::vector<bool> finished_;
};

class Pattern::Matcher {
 public:
  Matcher(const Pattern& pattern, absl::string_view subject, int64_t& steps)
      : items_(pattern.items_), subject_(subject), steps_(steps) {
    captures_.resize(static_cast<size_t>(pattern.captures_));
  }

  std::optional<Match> At(size_t from) {
    size_t end = 0;
    if (!Matches(0, from, 0, end)) return std::nullopt;
    return Match{from, end, captures_};
  }
  const absl::Status& status() const { return status_; }

 private:
  bool Spend(int64_t steps = 1) {
    steps_ -= steps;
    if (steps_ < 0 && status_.ok()) {
      status_ = absl::ResourceExhaustedError("pattern matching took too many steps");
    }
    return status_.ok();
  }
  unsigned char Byte(size_t at) const {  // the subject is as if a NUL stood around it
    return at < subject_.size() ? static_cast<unsigned char>(subject_[at]) : 0;
  }
  bool IsByte(const Item& item, size_t at) const {
    return at < subject_.size() && item.bytes[Byte(at)];
  }

  // Whether the items from `item` on match at `at`; `end` is where they end. A capture that a
  // failed attempt has set is set anew by the one that succeeds, for all pass all items.
  bool Matches(size_t item, size_t at, int nesting, size_t& end) {
    if (nesting > kMostNesting) {
      if (status_.ok()) status_ = Invalid("the pattern is too complex");
      return false;
    }
    for (; item < items_.size(); ++item) {
      if (!Spend()) return false;
      const Item& now = items_[item];
      switch (now.kind) {
        case Kind::kOpen:
          captures_[static_cast<size_t>(now.capture)] = {at, at, false};
          break;
        case Kind::kPosition:
          captures_[static_cast<size_t>(now.capture)] = {at, at, true};
          break;
        case Kind::kClose:
          captures_[static_cast<size_t>(now.capture)].end = at;
          break;
        case Kind::kEnd:
          if (at != subject_.size()) return false;
          break;
        case Kind::kBalance:
          if (!Balance(now, at)) return false;
          break;
        case Kind::kFrontier:
          if (now.bytes[at == 0 ? 0 : Byte(at - 1)] || !now.bytes[Byte(at)]) return false;
          break;
        case Kind::kBack:
          if (!Back(now, at)) return false;
          break;
        case Kind::kByte:
          if (now.repeat != Repeat::kOnce) return Repeated(item, at, nesting, end);
          if (!IsByte(now, at)) return false;
          ++at;
          break;
      }
    }
    end = at;
    return true;
  }

  bool Repeated(size_t item, size_t at, int nesting, size_t& end) {
    const Item& now = items_[item];
    if (now.repeat == Repeat::kManyLazily) {
      while (!Matches(item + 1, at, nesting + 1, end)) {
        if (!Spend() || !IsByte(now, at)) return false;
        ++at;
      }
      return true;
    }
    const size_t least = now.repeat == Repeat::kManyAtLeastOne ? 1 : 0;
    const size_t most = now.repeat == Repeat::kMaybe ? 1 : subject_.size();
    size_t count = 0;
    while (count < most && IsByte(now, at + count)) {
      if (!Spend()) return false;
      ++count;
    }
    for (; count + 1 > least; --count) {
      if (Matches(item + 1, at + count, nesting + 1, end)) return true;
      if (!Spend() || count == 0) return false;
    }
    return false;
  }

  bool Balance(const Item& item, size_t& at) {
    if (at >= subject_.size() || Byte(at) != item.open) return false;
    int64_t depth = 1;
    for (size_t i = at + 1; i < subject_.size(); ++i) {
      if (!Spend()) return false;
      if (Byte(i) == item.close) {
        if (--depth == 0) {
          at = i + 1;
          return true;
        }
      } else if (Byte(i) == item.open) {
        ++depth;
      }
    }
    return false;
  }

  bool Back(const Item& item, size_t& at) {
    const Capture& capture = captures_[static_cast<size_t>(item.capture)];
    const size_t size = capture.end - capture.begin;
    if (!Spend(static_cast<int64_t>(size) / 16) || subject_.size() - at < size) return false;
    if (subject_.substr(capture.begin, size) != subject_.substr(at, size)) return false;
    at += size;
    return true;
  }

  const std::vector<Item>& items_;
  absl::string_view subject_;
  int64_t& steps_;
  absl::InlinedVector<Capture, 4> captures_;
  absl::Status status_;
};

absl::StatusOr<Pattern> Pattern::Compile(absl::string_view text) {
  Pattern pattern;
  WEFT_RETURN_IF_ERROR(Parser(text, pattern).Parse());
  return pattern;
}

absl::StatusOr<std::optional<Pattern::Match>> Pattern::At(absl::string_view subject, size_t from,
                                                          int64_t& steps) const {
  Matcher matcher(*this, subject, steps);
  std::optional<Match> match = matcher.At(from);
  if (!matcher.status().ok()) return matcher.status();
  return match;
}

absl::StatusOr<std::optional<Pattern::Match>> Pattern::Find(absl::string_view subject, size_t from,
                                                            int64_t& steps) const {
  if (anchored_) return At(subject, from, steps);
  Matcher matcher(*this, subject, steps);
  for (size_t at = from; at <= subject.size(); ++at) {
    std::optional<Match> match = matcher.At(at);
    if (!matcher.status().ok()) return matcher.status();
    if (match.has_value()) return match;
  }
  return std::optional<Match>();
}

}  // namespace weft
