#ifndef WEFT_LUA_PATTERN_H_
#define WEFT_LUA_PATTERN_H_

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace weft {

// A Lua pattern (Lua 5.4 manual, 6.4.1), matched with a bound on the work: the library's own
// matcher takes exponential time on some patterns, and nothing can interrupt it.
class Pattern {
 public:
  struct Capture {
    size_t begin = 0;
    size_t end = 0;
    bool position = false;  // "()": a place, not a piece of text
  };
  struct Match {
    size_t begin = 0;
    size_t end = 0;
    absl::InlinedVector<Capture, 4> captures;
  };

  static absl::StatusOr<Pattern> Compile(absl::string_view text);

  bool anchored() const { return anchored_; }
  // The first match at `from` or after it. Each comparison takes one of `steps`; where they run
  // out: RESOURCE_EXHAUSTED. Nesting deeper than a limit is an INVALID_ARGUMENT.
  absl::StatusOr<std::optional<Match>> Find(absl::string_view subject, size_t from,
                                            int64_t& steps) const;
  // A match that begins at `from` itself.
  absl::StatusOr<std::optional<Match>> At(absl::string_view subject, size_t from,
                                          int64_t& steps) const;

 private:
  using Bytes = std::bitset<256>;
  enum class Kind { kByte, kOpen, kPosition, kClose, kBalance, kFrontier, kBack, kEnd };
  enum class Repeat { kOnce, kMany, kManyAtLeastOne, kManyLazily, kMaybe };
  struct Item {
    Kind kind = Kind::kByte;
    Repeat repeat = Repeat::kOnce;
    Bytes bytes;             // kByte, kFrontier
    int capture = 0;         // kOpen, kPosition, kClose, kBack
    unsigned char open = 0;  // kBalance
    unsigned char close = 0;
  };
  class Parser;
  class Matcher;

  std::vector<Item> items_;
  int captures_ = 0;
  bool anchored_ = false;
};

}  // namespace weft

#endif  // WEFT_LUA_PATTERN_H_
