#include "nodes/text/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

using ::testing::ElementsAre;

TEST(SplitWords, CutsLettersDigitsAndOthersApart) {
  EXPECT_THAT(SplitWords("a cat, 42!? x2"), ElementsAre("a", "cat", ",", "4", "2", "!?", "x", "2"));
}

TEST(SplitWords, DropsSpaces) {
  EXPECT_THAT(SplitWords(""), ElementsAre());
  EXPECT_THAT(SplitWords(" "), ElementsAre());
  EXPECT_THAT(SplitWords(" a "), ElementsAre("a"));
}

TEST(SplitWords, KeepsEnglishEndingsTogether) {
  EXPECT_THAT(SplitWords("we're it's i'll don't"),
              ElementsAre("we", "'re", "it", "'s", "i", "'ll", "don", "'t"));
  EXPECT_THAT(SplitWords("'top 'dog"), ElementsAre("'t", "op", "'d", "og"));
}

TEST(SplitWords, AnApostropheInARunOfOthersBeginsNoEnding) {
  EXPECT_THAT(SplitWords("!'s ''s"), ElementsAre("!'", "s", "''", "s"));
}

TEST(SplitWords, MarksAreNotLetters) {
  EXPECT_THAT(SplitWords("q\u0323x"), ElementsAre("q", "\u0323", "x"));
}

TEST(SplitWords, CutsMarkersThatAreNoTokensInThree) {
  EXPECT_THAT(SplitWords("<|endoftext|>!!"), ElementsAre("<|", "endoftext", "|>", "!!"));
  EXPECT_THAT(SplitWords("x<|startoftext|>"), ElementsAre("x", "<|", "startoftext", "|>"));
  EXPECT_THAT(SplitWords("!<|endoftext|>!"), ElementsAre("!<|", "endoftext", "|>!"));
}

}  // namespace
}  // namespace weft
