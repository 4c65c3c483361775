#include "nodes/text/unicode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

using ::testing::HasSubstr;

TEST(NormalizeText, Composes) {
  EXPECT_EQ(NormalizeText("e\u0301"), "\u00e9");
  EXPECT_EQ(NormalizeText("\u1100\u1161\u11a8"), "\uac01");
  EXPECT_EQ(NormalizeText("\u212b"), "\u00e5");  // Ångström sign
  EXPECT_EQ(NormalizeText("\u0344"), "\u0308\u0301");
  EXPECT_EQ(NormalizeText("\ufb01"), "\ufb01");  // the ligature fi is no canonical equivalent
}

TEST(NormalizeText, OrdersMarks) {
  EXPECT_EQ(NormalizeText("q\u0307\u0323"), "q\u0323\u0307");
  EXPECT_EQ(NormalizeText("a\u0315\u0300\u05ae\u0062"), "\u00e0\u05ae\u0315b");
}

TEST(NormalizeText, MarksYoungerThanItsTablesStayWhereTheyAre) {
  EXPECT_EQ(NormalizeText("q\u0345\u1dfa"), "q\u0345\u1dfa");                // Unicode 10
  EXPECT_EQ(NormalizeText("q\u0345\u0316"), "q\u0316\u0345");                // Unicode 1.1
  EXPECT_EQ(NormalizeText("\U00011935\U00011930"), "\U00011935\U00011930");  // would compose
}

TEST(NormalizeText, MakesEachRunOfSpaceOneSpace) {
  EXPECT_EQ(NormalizeText("a \t\n\u00a0\u3000b\u0085"), "a b ");
  EXPECT_EQ(NormalizeText("a\u200bb\u180ec\u001cd"), "a\u200bb\u180ec\u001cd");  // no white space
}

TEST(NormalizeText, LowersLetterByLetter) {
  EXPECT_EQ(NormalizeText("ÀΣΑΣ Ж"), "àσασ ж");  // no final sigma
  EXPECT_EQ(NormalizeText("\u0130"), "i\u0307");
  EXPECT_EQ(NormalizeText("ẞß"), "ßß");
  EXPECT_EQ(NormalizeText("\U00010d50\ua7cb\u1c89"), "\U00010d70\u0264\u1c8a");  // Unicode 16
}

TEST(NormalizeText, AMillionMarksOnOneLetterTakeNoLongerThanOthers) {
  // Sorting them by insertion would take minutes.
  std::string text = "a";
  for (int i = 0; i < 250000; ++i) text += "\u0310\u0316";
  const std::string normalized = NormalizeText(text);
  ASSERT_EQ(normalized.size(), text.size());
  EXPECT_EQ(normalized.substr(1, 4), "\u0316\u0316");
  EXPECT_EQ(normalized.substr(normalized.size() - 4), "\u0310\u0310");
}

TEST(CheckUtf8, NamesTheFirstBadByte) {
  EXPECT_TRUE(CheckUtf8("aé漢😀").ok());
  EXPECT_TRUE(CheckUtf8(absl::string_view("\0", 1)).ok());
  EXPECT_THAT(CheckUtf8("ab\xff").message(), HasSubstr("not UTF-8: byte 0xff at offset 2"));
  EXPECT_THAT(CheckUtf8("é\xc3").message(), HasSubstr("byte 0xc3 at offset 2"));
  EXPECT_THAT(CheckUtf8("\xc0\x80").message(), HasSubstr("byte 0xc0 at offset 0"));
  EXPECT_THAT(CheckUtf8("\xed\xa0\x80").message(), HasSubstr("byte 0xed at offset 0"));
}

TEST(LetterClasses, KnowTheLettersAndDigitsOfUnicode16) {
  EXPECT_TRUE(IsLetter(U'ª') && IsLetter(U'漢') && IsLetter(0x1C89) && IsLetter(0x2EBF0));
  EXPECT_FALSE(IsLetter(0x0301) || IsLetter(U'5') || IsLetter(0x1F600) || IsLetter(0x323B0));
  EXPECT_TRUE(IsNumber(U'½') && IsNumber(U'Ⅷ') && IsNumber(0x116D0));
  EXPECT_FALSE(IsNumber(U'a') || IsNumber(U'.'));
}

}  // namespace
}  // namespace weft
