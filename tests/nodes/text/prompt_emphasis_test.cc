#include "nodes/text/prompt_emphasis.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weft {
namespace {

// "text|weight" for each part, sections apart by " // ".
std::string Read(absl::string_view text) {
  std::string said;
  for (const PromptSection& section : ParseEmphasis(text)) {
    if (!said.empty()) absl::StrAppend(&said, " // ");
    if (section.empty()) absl::StrAppend(&said, "-");
    for (const WeightedText& part : section) {
      absl::StrAppendFormat(&said, "{%s|%.4g}", part.text, part.weight);
    }
  }
  return said;
}

struct Case {
  const char* text;
  const char* parts;
};

// What the documentation of AUTOMATIC1111's web UI says of emphasis, and its corner cases.
constexpr Case kCases[] = {
    {"a plain text", "{a plain text|1}"},
    {"", "-"},
    {"a (big) tree", "{a |1}{big|1.1}{ tree|1}"},
    {"a [big] tree", "{a |1}{big|0.9091}{ tree|1}"},
    {"a (big:1.3) tree", "{a |1}{big|1.3}{ tree|1}"},
    {"(big: 1.3 )", "{big|1.3}"},
    {"(big:.5)", "{big|0.5}"},
    {"(big:+2)", "{big|2}"},
    {"(big:-1)", "{big|-1}"},
    {"(big:0)", "{big|0}"},
    {"((big))", "{big|1.21}"},
    {"(((big)))", "{big|1.331}"},
    {"[[big]]", "{big|0.8264}"},
    {"([big])", "{big|1}"},
    {"a ((house:1.3) [on] hill)", "{a |1}{house|1.43}{ |1.1}{on|1}{ hill|1.1}"},
    {"(a (b:2) c:0.5)", "{a |0.5}{b|1}{ c|0.5}"},
    {"(one)(two)", "{onetwo|1.1}"},
    {R"(\(big\))", "{(big)|1}"},
    {R"(\[big\] (\(x\):1.5))", "{[big] |1}{(x)|1.5}"},
    {R"(a \\ b)", R"({a \ b|1})"},
    {R"(a \b)", "{a b|1}"},
    {R"(a \)", "{a |1}"},
    {"(open", "{open|1.1}"},
    {"a (b [c", "{a |1}{b |1.1}{c|1}"},
    {"closed)", "{closed)|1}"},
    {"closed] (x)", "{closed] |1}{x|1.1}"},
    {"ratio 3:2", "{ratio 3:2|1}"},
    {"x:1.2)", "{x:1.2)|1}"},
    {"(x:y)", "{x:y|1.1}"},
    {"(x:1.2.3)", "{x:1.2.3|1.1}"},
    {"(x:1e5)", "{x:1e5|1.1}"},
    {"(x:)", "{x:|1.1}"},
    {"()", "-"},
    {"a BREAK b", "{a|1} // {b|1}"},
    {"a BREAK  (b:1.5) BREAK c", "{a|1} // {b|1.5} // {c|1}"},
    {"a BREAK", "{a|1} // -"},
    {"BREAK a", "- // {a|1}"},
    {"(a BREAK b)", "{a|1.1} // {b|1.1}"},
    {"BREAKFAST, a_BREAK, DAYBREAK", "{BREAKFAST, a_BREAK, DAYBREAK|1}"},
    {"un café (noir)", "{un café |1}{noir|1.1}"},
};

TEST(ParseEmphasis, ReadsWhatTheWebUiDocuments) {
  for (const Case& c : kCases) EXPECT_EQ(Read(c.text), c.parts) << "of \"" << c.text << '"';
}

TEST(ParseEmphasis, KeepsWeightsFinite) {
  const auto sections = ParseEmphasis("((x:10000):10000)");
  EXPECT_EQ(sections[0][0].weight, 1e4);
}

TEST(ParseEmphasis, TakesBracketsInsideOfAHundredOthersAsText) {
  const std::string deep = std::string(150, '(') + "x" + std::string(150, ')');
  const auto sections = ParseEmphasis(deep);
  ASSERT_FALSE(sections[0].empty());
  EXPECT_EQ(sections[0][0].text.substr(0, 3), "(((");
}

TEST(ParseEmphasis, StaysQuickOnHostileText) {
  // Each of these would take minutes if every bracket looked at all that follows.
  for (const char* piece : {"(a", "[a", ":", "(:", "a)", "(a BREAK ", "\\"}) {
    std::string text;
    while (text.size() < 200'000) text += piece;
    EXPECT_FALSE(ParseEmphasis(text).empty()) << piece;
  }
}

TEST(WholeNumber, TakesDecimalsAlone) {
  EXPECT_EQ(WholeNumber("1.25"), 1.25);
  EXPECT_EQ(WholeNumber("-.5"), -0.5);
  EXPECT_EQ(WholeNumber("3."), 3.0);
  for (const char* text : {"", "-", ".", "1e3", "nan", "inf", "0x10", "1 2", "1,5", "--1"}) {
    EXPECT_FALSE(WholeNumber(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace weft
