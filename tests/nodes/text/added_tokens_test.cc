#include "nodes/text/added_tokens.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace weft {
namespace {

// The pieces in order, tokens in brackets, separated by bars.
std::string Pieces(std::vector<AddedToken> tokens, absl::string_view text) {
  std::string pieces;
  AddedTokens(std::move(tokens))
      .Split(
          text, [&](absl::string_view piece) { absl::StrAppend(&pieces, piece, "|"); },
          [&](const AddedToken& token) { absl::StrAppend(&pieces, "[", token.content, "]|"); });
  return pieces;
}

TEST(AddedTokens, SplitsTheTextAroundThem) {
  EXPECT_EQ(Pieces({{.content = "<x>"}}, "a<x>b <x><x>"), "a|[<x>]|b |[<x>]|[<x>]|");
}

TEST(AddedTokens, LeaveATextWithoutThemWhole) {
  EXPECT_EQ(Pieces({{.content = "<x>"}}, "<x <X> x>"), "<x <X> x>|");
  EXPECT_EQ(Pieces({}, "abc"), "abc|");
  EXPECT_EQ(Pieces({{.content = "<x>"}}, ""), "");
}

TEST(AddedTokens, TheLongestOfThoseThatBeginFirstWins) {
  EXPECT_EQ(Pieces({{.content = "ab"}, {.content = "abcd"}, {.content = "bcdef"}}, "abcdef abce"),
            "[abcd]|ef |[ab]|ce|");
}

TEST(AddedTokens, ASingleWordTokenIsNotFoundInsideAWord) {
  EXPECT_EQ(Pieces({{.content = "foo", .single_word = true}}, "foo xfoo foo_ fooé (foo)"),
            "[foo]| xfoo foo_ fooé (|[foo]|)|");
}

TEST(AddedTokens, TakeTheSpaceAroundThemAlongWhereTheySaySo) {
  EXPECT_EQ(Pieces({{.content = "<x>", .lstrip = true}}, "a \u00a0<x> b"), "a|[<x>]| b|");
  EXPECT_EQ(Pieces({{.content = "<x>", .rstrip = true}}, "a <x> \tb"), "a |[<x>]|b|");
  EXPECT_EQ(Pieces({{.content = "<x>", .lstrip = true, .rstrip = true}}, "<x>  <x>"),
            "[<x>]|[<x>]|");
}

TEST(AddedTokens, NormalizedOnesAreLookedForInNormalForm) {
  EXPECT_EQ(Pieces({{.content = "<CAT>", .normalized = true}}, "a <cat>"), "a |[<cat>]|");
}

}  // namespace
}  // namespace weft
