#include "runtime/base/json.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

using Json = nlohmann::json;

// Reads a text and leaves behind how far the parser has come.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** reached) : at_(at), reached_(reached) {}
  const char& operator*() const { return *at_; }
  CountingIterator& operator++() {
    *reached_ = ++at_;
    return *this;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** reached_;
};

// Builds the tree and refuses what the DOM parser of the library lets through.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(absl::string_view text, const char* const* reached, int depth)
      : text_(text), reached_(reached), depth_(depth) {}

  bool null() override { return Put(nullptr) != nullptr; }
  bool boolean(bool x) override { return Put(x) != nullptr; }
  bool number_integer(number_integer_t x) override { return Put(x) != nullptr; }
  bool number_unsigned(number_unsigned_t x) override { return Put(x) != nullptr; }
  bool number_float(number_float_t x, const string_t&) override { return Put(x) != nullptr; }
  bool string(string_t& x) override { return Put(std::move(x)) != nullptr; }
  bool binary(binary_t&) override { return Fail("binary values have no place in JSON"); }
  bool start_object(size_t) override { return Open(Json::object()); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    if (open_.back()->contains(name)) return Fail(absl::StrCat("duplicate key ", Quoted(name)));
    key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t, const std::string&, const Json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while …"
    std::string what = error.what();
    if (const size_t bracket = what.find("] "); bracket != std::string::npos) {
      what.erase(0, bracket + 2);
    }
    if (absl::StartsWith(what, "parse error at line ")) {
      if (const size_t colon = what.find(": "); colon != std::string::npos) {
        what.erase(0, colon + 2);
      }
    }
    // It may quote what was read, which may be anything, and long.
    std::string clean;
    for (const char c : what.substr(0, kLongestMessage)) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x20 && byte < 0x7f) {
        clean += c;
      } else {
        absl::StrAppend(&clean, "\\x", absl::Hex(byte, absl::kZeroPad2));
      }
    }
    return Fail(clean + (what.size() > kLongestMessage ? "…" : ""));
  }

  absl::Status status() const { return status_; }
  Json Result() { return std::move(root_); }

 private:
  bool Fail(absl::string_view what) {
    const absl::string_view before(text_.data(), static_cast<size_t>(*reached_ - text_.data()));
    const size_t newline = before.rfind('\n');
    const size_t column =
        newline == absl::string_view::npos ? before.size() : before.size() - newline - 1;
    status_ = Invalid("line ", 1 + std::count(before.begin(), before.end(), '\n'), ", column ",
                      std::max<size_t>(column, 1), ": ", what);
    return false;
  }
  template <typename T>
  Json* Put(T&& value) {
    if (open_.empty()) {
      root_ = Json(std::forward<T>(value));
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(Json(std::forward<T>(value)));
      return &parent.back();
    }
    Json& slot = parent[key_];
    slot = Json(std::forward<T>(value));
    return &slot;
  }
  bool Open(Json empty) {
    if (static_cast<int>(open_.size()) >= depth_) {
      return Fail(absl::StrCat("nested deeper than ", depth_, " levels"));
    }
    open_.push_back(Put(std::move(empty)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  static constexpr size_t kLongestMessage = 200;

  absl::string_view text_;
  const char* const* reached_;
  int depth_;
  Json root_;
  std::vector<Json*> open_;  // pointers stay good: only the innermost container grows
  std::string key_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Json> ParseJson(absl::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "holds ", text.size(), " bytes of JSON, more than the ", limits.bytes, " allowed"));
  }
  const char* reached = text.data();
  Builder builder(text, &reached, limits.depth);
  const char* end = text.data() + text.size();
  const bool parsed = Json::sax_parse(CountingIterator(text.data(), &reached),
                                      CountingIterator(end, &reached), &builder);
  if (!parsed) {
    return builder.status().ok() ? Invalid("is not valid JSON") : builder.status();
  }
  return builder.Result();
}

absl::StatusOr<Json> ReadJsonFile(const std::string& path, const JsonLimits& limits) {
  WEFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, limits.bytes));
  absl::StatusOr<Json> json = ParseJson(text, limits);
  if (!json.ok()) return Annotate(json.status(), absl::StrCat("\"", path, "\""));
  return json;
}

std::string Quoted(absl::string_view text) {
  constexpr size_t kLongest = 160;
  if (text.size() <= kLongest) return absl::StrCat("\"", absl::Utf8SafeCHexEscape(text), "\"");
  size_t cut = kLongest;  // not within a character
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0u) == 0x80u) --cut;
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(text.substr(0, cut)), "…\"");
}

}  // namespace weft
