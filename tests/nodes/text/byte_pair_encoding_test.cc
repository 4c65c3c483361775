#include "nodes/text/byte_pair_encoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/nodes/text/tokenizer_folder.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// All bytes (id: the byte; 256 + the byte at a word's end), then `tokens` from 512 on.
Vocabulary BytesAnd(const std::vector<std::string>& tokens) {
  Vocabulary vocabulary;
  for (int32_t byte = 0; byte < 256; ++byte) {
    const std::string symbol = ByteSymbol(static_cast<uint8_t>(byte));
    vocabulary[symbol] = byte;
    vocabulary[absl::StrCat(symbol, "</w>")] = 256 + byte;
  }
  for (const std::string& token : tokens) {
    vocabulary.emplace(token, static_cast<int32_t>(vocabulary.size()));
  }
  return vocabulary;
}

std::vector<int32_t> Encode(const Vocabulary& vocabulary, const Merges& merges,
                            absl::string_view word) {
  std::vector<int32_t> ids;
  const auto encoding = BytePairEncoding::Create(vocabulary, merges, "");
  EXPECT_TRUE(encoding.ok()) << encoding.status();
  if (encoding.ok()) encoding->Encode(word, &ids);
  return ids;
}

TEST(BytePairEncoding, WritesBytesAsPrintableLetters) {
  EXPECT_EQ(ByteSymbol('a'), "a");
  EXPECT_EQ(ByteSymbol(0), "Ā");
  EXPECT_EQ(ByteSymbol(' '), "Ġ");
  EXPECT_EQ(ByteSymbol(0xAD), "Ń");
  EXPECT_EQ(ByteSymbol(0xFF), "ÿ");
}

TEST(BytePairEncoding, ReadsTokensBack) {
  EXPECT_EQ(TokenText("cat</w>"), "cat ");
  EXPECT_EQ(TokenText("Ã©"), "é");
  EXPECT_EQ(TokenText("</w>x"), "</w>x");
}

TEST(BytePairEncoding, MarksTheLastByteOfAWord) {
  EXPECT_THAT(Encode(BytesAnd({}), {}, "ab"), ElementsAre('a', 256 + 'b'));
  EXPECT_THAT(Encode(BytesAnd({}), {}, ""), ElementsAre());
}

TEST(BytePairEncoding, DoesTheEarliestMergeFirst) {
  const Vocabulary vocabulary = BytesAnd({"ab", "bc"});
  EXPECT_THAT(Encode(vocabulary, {{"a", "b"}, {"b", "c"}}, "abcd"),
              ElementsAre(512, 'c', 256 + 'd'));
  EXPECT_THAT(Encode(vocabulary, {{"b", "c"}, {"a", "b"}}, "abcd"),
              ElementsAre('a', 513, 256 + 'd'));
}

TEST(BytePairEncoding, DoesTheLeftmostOfOverlappingPairsFirst) {
  EXPECT_THAT(Encode(BytesAnd({"aa"}), {{"a", "a"}}, "aaaab"), ElementsAre(512, 512, 256 + 'b'));
  EXPECT_THAT(Encode(BytesAnd({"aa"}), {{"a", "a"}}, "aaab"), ElementsAre(512, 'a', 256 + 'b'));
}

TEST(BytePairEncoding, BuildsWordsOutOfMergedParts) {
  EXPECT_THAT(Encode(BytesAnd({"ab", "abc</w>"}), {{"a", "b"}, {"ab", "c</w>"}}, "abc"),
              ElementsAre(513));
}

TEST(BytePairEncoding, AWordOfAMillionLettersTakesNoLongerThanShortOnes) {
  // A quadratic algorithm would take minutes here.
  const std::vector<int32_t> ids =
      Encode(BytesAnd({"aa", "aaaa"}), {{"a", "a"}, {"aa", "aa"}}, std::string(1000001, 'a'));
  ASSERT_EQ(ids.size(), 250001u);
  EXPECT_EQ(ids.front(), 513);
  EXPECT_EQ(ids.back(), 256 + 'a');
}

TEST(BytePairEncoding, RejectsAMergeOfAnUnknownToken) {
  EXPECT_THAT(BytePairEncoding::Create(BytesAnd({}), {{"a", "xyz"}}, "").status().message(),
              HasSubstr(R"(merge 1 ("a xyz") needs token "xyz", which the vocabulary lacks)"));
  EXPECT_THAT(
      BytePairEncoding::Create(BytesAnd({"ab"}), {{"a", "b"}, {"ab", "a"}}, "").status().message(),
      HasSubstr(R"(merge 2 ("ab a") needs token "aba", which the vocabulary lacks)"));
}

TEST(BytePairEncoding, RejectsAVocabularyThatCannotWriteAByte) {
  Vocabulary vocabulary = BytesAnd({});
  vocabulary.erase("q</w>");
  EXPECT_THAT(BytePairEncoding::Create(vocabulary, {}, "<unk>").status().message(),
              HasSubstr(R"(no token "q</w>" for byte 0x71, nor the unknown token "<unk>")"));
}

TEST(BytePairEncoding, WritesMissingBytesAsTheUnknownToken) {
  Vocabulary vocabulary = BytesAnd({"<unk>"});
  vocabulary.erase("q");
  std::vector<int32_t> ids;
  const auto encoding = BytePairEncoding::Create(vocabulary, {}, "<unk>");
  ASSERT_TRUE(encoding.ok()) << encoding.status();
  encoding->Encode("qqa", &ids);
  EXPECT_THAT(ids, ElementsAre(512, 512, 256 + 'a'));
}

}  // namespace
}  // namespace weft
