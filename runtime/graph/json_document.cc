#include "runtime/graph/json_document.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr size_t kMaxBytes = size_t{16} << 20;
constexpr size_t kMaxDepth = 64;

struct Position {
  int line = 1;
  int column = 0;
};

// Reads characters for the parser and remembers where the last one that was not white space stood.
// The parser reads at most one character past a number, so that is where the token ended.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, Position* read, Position* token)
      : at_(at), read_(read), token_(token) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++read_->column;
    if (*at_ != ' ' && *at_ != '\n' && *at_ != '\t' && *at_ != '\r') *token_ = *read_;
    if (*at_ == '\n') *read_ = Position{read_->line + 1, 0};
    ++at_;
    return *this;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  Position* read_;
  Position* token_;
};

// Builds the tree. Every handler returns false to stop parsing, with the reason in error_.
class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TreeBuilder(const Position* position) : position_(position) {}

  bool null() override { return Put(Value()); }
  bool boolean(bool x) override { return Put(Value(x)); }
  bool number_integer(number_integer_t x) override { return Put(Value(int64_t{x})); }
  bool number_unsigned(number_unsigned_t x) override {
    if (x > static_cast<number_unsigned_t>(std::numeric_limits<int64_t>::max())) {
      return Fail("the number does not fit in 64 bits");
    }
    return Put(Value(static_cast<int64_t>(x)));
  }
  bool number_float(number_float_t x, const string_t&) override {
    if (!std::isfinite(x)) return Fail("the number is too large");
    return Put(Value(double{x}));
  }
  bool string(string_t& x) override { return Put(Value(std::move(x))); }
  bool binary(binary_t&) override { return Fail("binary data"); }

  bool start_object(std::size_t) override { return Open(JsonNode::Object{}); }
  bool start_array(std::size_t) override { return Open(JsonNode::Array{}); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    if (!stack_.back().names.insert(name).second) {
      return Fail(absl::StrCat("the key \"", name, "\" occurs twice"));
    }
    stack_.back().key = std::move(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string& near,
                   const nlohmann::detail::exception& e) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error …"
    std::string what = e.what();
    if (const size_t colon = what.find(": "); colon != std::string::npos) what.erase(0, colon + 2);
    if (what.size() > 200) what = absl::StrCat(what.substr(0, 200), "…");
    (void)near;
    return Fail(what);
  }

  JsonNode root;
  std::string error;

 private:
  struct Level {
    JsonNode node;
    std::string key;  // the member that comes next, in an object
    absl::flat_hash_set<std::string> names;
  };

  bool Fail(absl::string_view what) {
    error = absl::StrCat("line ", position_->line, ", column ", std::max(position_->column, 1),
                         ": ", what);
    return false;
  }
  bool Put(Value value) {
    JsonNode node;
    node.data = std::move(value);
    node.line = position_->line;
    return Attach(std::move(node));
  }
  template <typename Container>
  bool Open(Container container) {
    if (stack_.size() >= kMaxDepth) return Fail(absl::StrCat("nested deeper than ", kMaxDepth));
    Level level;
    level.node.data = std::move(container);
    level.node.line = position_->line;
    stack_.push_back(std::move(level));
    return true;
  }
  bool Close() {
    JsonNode node = std::move(stack_.back().node);
    stack_.pop_back();
    return Attach(std::move(node));
  }
  bool Attach(JsonNode node) {
    if (stack_.empty()) {
      root = std::move(node);
      return true;
    }
    Level& parent = stack_.back();
    if (auto* members = std::get_if<JsonNode::Object>(&parent.node.data)) {
      members->push_back(JsonMember{std::move(parent.key), std::move(node)});
    } else {
      std::get<JsonNode::Array>(parent.node.data).push_back(std::move(node));
    }
    return true;
  }

  const Position* position_;
  std::vector<Level> stack_;
};

}  // namespace

const JsonNode* JsonNode::Find(absl::string_view key) const {
  if (object() == nullptr) return nullptr;
  for (const auto& [name, node] : *object()) {
    if (name == key) return &node;
  }
  return nullptr;
}

std::string JsonNode::kind() const {
  if (object() != nullptr) return "an object";
  if (array() != nullptr) return "a list";
  return std::string(scalar()->kind());
}

absl::StatusOr<JsonNode> ParseJsonDocument(absl::string_view text) {
  if (text.size() > kMaxBytes) return Invalid("the file is larger than ", kMaxBytes, " bytes");
  Position read;
  Position token;
  TreeBuilder builder(&token);
  const CountingIterator begin(text.data(), &read, &token);
  const CountingIterator end(text.data() + text.size(), &read, &token);
  if (!nlohmann::json::sax_parse(begin, end, &builder)) {
    return Invalid(builder.error.empty() ? "line 1: not JSON" : builder.error);
  }
  return std::move(builder.root);
}

}  // namespace weft
