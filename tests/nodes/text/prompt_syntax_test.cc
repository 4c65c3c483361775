#include "nodes/text/prompt_syntax.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

std::string TextOf(const PromptText& text) {
  std::vector<std::string> sections;
  for (const PromptSection& section : text.sections) {
    std::string& words = sections.emplace_back();
    for (const WeightedText& part : section) words += part.text;
  }
  return absl::StrJoin(sections, "/");
}

// The text that each step of a run of so many reads; of AND the texts with their weights.
std::vector<std::string> Steps(absl::string_view prompt, int64_t count) {
  const auto texts = ParsePrompt(prompt);
  EXPECT_TRUE(texts.ok()) << texts.status();
  std::vector<std::string> steps;
  for (int64_t i = 0; texts.ok() && i < count; ++i) {
    std::string& said = steps.emplace_back();
    for (const PromptText& text : *texts) {
      if (!text.steps.Holds(i, count)) continue;
      absl::StrAppend(&said, said.empty() ? "" : " + ", TextOf(text));
      if (text.weight != 1.0) absl::StrAppend(&said, "*", text.weight);
    }
  }
  return steps;
}

struct Case {
  const char* prompt;
  std::vector<std::string> steps;
};

TEST(ParsePrompt, ReadsEachStepAsTheWebUiDocuments) {
  const std::vector<Case> cases = {
      {"a cat", {"a cat", "a cat", "a cat", "a cat"}},
      {"a [cat:dog:0.5]", {"a cat", "a cat", "a dog", "a dog"}},
      {"a [cat:dog:1]", {"a cat", "a dog", "a dog", "a dog"}},
      {"a [cat:dog:3] x", {"a cat x", "a cat x", "a cat x", "a dog x"}},
      {"a [red :0.5]cat", {"a cat", "a cat", "a red cat", "a red cat"}},
      {"a [red ::0.25]cat", {"a red cat", "a cat", "a cat", "a cat"}},
      {"[a:b: 2 ]", {"a", "a", "b", "b"}},
      {"[a:b:0]", {"b", "b", "b", "b"}},
      {"[a:b:-1]", {"b", "b", "b", "b"}},
      {"[a:b:1.0]", {"a", "a", "a", "a"}},
      {"[a:b:9]", {"a", "a", "a", "a"}},
      {"[a|b]", {"a", "b", "a", "b"}},
      {"[a|b|] c", {"a c", "b c", " c", "a c"}},
      {"[a|b] [c|d]", {"a c", "b d", "a c", "b d"}},
      {"[a:[b:c:3]:1]", {"a", "b", "b", "c"}},
      {"[[a:b:1]:c:2]", {"a", "b", "c", "c"}},
      {"[a:b:1] [c:d:0.5]", {"a c", "b c", "b d", "b d"}},
      {"([a:b:2]:1.5)", {"a", "a", "b", "b"}},
      {"[(a:1.2):b:2]", {"a", "a", "b", "b"}},
      {"[a|[b:c:2]]", {"a", "b", "a", "c"}},
      {"[a]", {"a", "a", "a", "a"}},
      {"[a:b]", {"a:b", "a:b", "a:b", "a:b"}},
      {"[a:b:c:2]", {"a:b:c:2", "a:b:c:2", "a:b:c:2", "a:b:c:2"}},
      {"[a:b:soon]", {"a:b:soon", "a:b:soon", "a:b:soon", "a:b:soon"}},
      {R"([a\:b:c:2])", {"a:b", "a:b", "c", "c"}},
      {R"(\[a:b:2\])", {"[a:b:2]", "[a:b:2]", "[a:b:2]", "[a:b:2]"}},
      {"[a:b:2", {"a:b*2", "a:b*2", "a:b*2", "a:b*2"}},
      {"a AND b", {"a  +  b", "a  +  b", "a  +  b", "a  +  b"}},
      {"a :0.5 AND b:-1.5",
       {"a*0.5 +  b*-1.5", "a*0.5 +  b*-1.5", "a*0.5 +  b*-1.5", "a*0.5 +  b*-1.5"}},
      {"SAND AND ANDROID",
       {"SAND  +  ANDROID", "SAND  +  ANDROID", "SAND  +  ANDROID", "SAND  +  ANDROID"}},
      {"[a:b:2] AND c", {"a  +  c", "a  +  c", "b  +  c", "b  +  c"}},
      {"a BREAK b", {"a/b", "a/b", "a/b", "a/b"}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Steps(c.prompt, 4), c.steps) << "of \"" << c.prompt << '"';
  }
}

TEST(ParsePrompt, KeepsEmphasisInSchedules) {
  const auto texts = ParsePrompt("a [(red:1.4):blue:0.5] ball");
  ASSERT_TRUE(texts.ok()) << texts.status();
  ASSERT_EQ(texts->size(), 2u);
  EXPECT_EQ((*texts)[0].sections[0][1].text, "red");
  EXPECT_DOUBLE_EQ((*texts)[0].sections[0][1].weight, 1.4);
}

TEST(ParsePrompt, RefusesSchedulesThatMakeTooManyTexts) {
  const auto texts = ParsePrompt("[a|b] [a|b|c] [a|b|c|d|e] [1|2|3|4|5|6|7]");
  EXPECT_THAT(std::string(texts.status().message()), HasSubstr("more than 64 texts"));
  std::string many = "a";
  for (int i = 0; i < 70; ++i) many += " AND a";
  EXPECT_THAT(std::string(ParsePrompt(many).status().message()), HasSubstr("more than 64 texts"));
}

TEST(ParsePrompt, RefusesALongPrompt) {
  EXPECT_THAT(std::string(ParsePrompt(std::string(100'001, 'a')).status().message()),
              HasSubstr("100001 bytes; one with syntax has at most 100000"));
}

TEST(ParsePrompt, StaysQuickOnHostileText) {
  for (const char* piece : {"[", "[a:", "[a|", "[[a:b:1]", "(", "]", "[a:b:1", "\\[", "[|", ":"}) {
    std::string text;
    while (text.size() + 10 < kMaxPromptBytes) text += piece;
    (void)ParsePrompt(text);  // some are too many texts, which is an answer
    for (const char* closing : {"]", ":b:0.5]", "|b|c]"}) {
      std::string nested;
      for (int i = 0; i < 9'000; ++i) nested += piece;
      for (int i = 0; i < 9'000; ++i) nested += closing;
      if (nested.size() <= kMaxPromptBytes) (void)ParsePrompt(nested);
    }
  }
}

}  // namespace
}  // namespace weft
