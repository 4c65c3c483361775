#include "nodes/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/nodes/text/tokenizer_folder.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

Json Goldens() {
  return Json::parse(std::ifstream(WEFT_SOURCE_DIR "/tests/goldens/tokenizer/cases.json"));
}

std::vector<int32_t> WithEnds(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<int32_t> ids = {tokenizer.begin_id()};
  const auto encoded = tokenizer.Encode(text);
  EXPECT_TRUE(encoded.ok()) << encoded.status();
  if (encoded.ok()) ids.insert(ids.end(), encoded->ids.begin(), encoded->ids.end());
  ids.push_back(tokenizer.end_id());
  return ids;
}

void ExpectGoldens(const Tokenizer& tokenizer, const Json& cases) {
  for (const Json& row : cases) {
    const std::string text = row.at("text");
    EXPECT_EQ(WithEnds(tokenizer, text), row.at("ids").get<std::vector<int32_t>>()) << row.dump();
  }
}

std::shared_ptr<const Tokenizer> Loaded(const TokenizerFolder& folder) {
  const auto tokenizer = Tokenizer::Load(folder.path());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

TEST(Tokenizer, EqualsTransformersWithVocabularyAndMerges) {
  TokenizerFolder folder;
  folder.CopyGoldenVocabulary();
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  const Json goldens = Goldens();
  EXPECT_EQ(tokenizer->begin_id(), goldens.at("start"));
  EXPECT_EQ(tokenizer->end_id(), goldens.at("end"));
  ASSERT_GE(goldens.at("cases").size(), 300u);
  ExpectGoldens(*tokenizer, goldens.at("cases"));
}

TEST(Tokenizer, EqualsTransformersWithTokenizerJsonAlone) {
  TokenizerFolder folder;
  std::filesystem::copy_file(WEFT_SOURCE_DIR "/tests/goldens/tokenizer/tokenizer.json",
                             folder.path() + "/tokenizer.json");
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  ExpectGoldens(*tokenizer, Goldens().at("cases"));
}

TEST(Tokenizer, LooksForTokensInNormalFormWhereTheConfigSaysSo) {
  TokenizerFolder folder;
  folder.CopyGoldenVocabulary();
  folder.Write("tokenizer_config.json", R"({
    "bos_token": {"__type": "AddedToken", "content": "<|startoftext|>", "normalized": true},
    "eos_token": {"__type": "AddedToken", "content": "<|endoftext|>", "normalized": true},
    "pad_token": "<|endoftext|>"})");
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  const Json cases = Goldens().at("when_start_token_is_normalized");
  ASSERT_FALSE(cases.empty());
  ExpectGoldens(*tokenizer, cases);
}

TEST(Tokenizer, ThePadTokenOfStableDiffusion2IsFoundInTheText) {
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  folder.Write("special_tokens_map.json", R"({"pad_token": "!"})");
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(tokenizer->pad_id(), '!');
  EXPECT_THAT(WithEnds(*tokenizer, "a!!"), ElementsAre(512, 256 + 'a', '!', '!', 513));
}

TEST(Tokenizer, PadsWithTheEndUnlessTold) {
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(tokenizer->pad_id(), 513);
  EXPECT_EQ(tokenizer->max_length(), 77);
  EXPECT_EQ(tokenizer->traits().at("max_length"), 77);
  EXPECT_THAT(WithEnds(*tokenizer, "!"), ElementsAre(512, 256 + '!', 513));
}

TEST(Tokenizer, TakesTheLengthFromTheConfigUnlessItIsNone) {
  for (const auto& [text, length] : {std::pair("32", 32), std::pair("1e30", 77)}) {
    TokenizerFolder folder;
    folder.WriteSmallVocabulary();
    folder.Write("tokenizer_config.json", std::string(R"({"model_max_length": )") + text + "}");
    const auto tokenizer = Loaded(folder);
    ASSERT_NE(tokenizer, nullptr);
    EXPECT_EQ(tokenizer->max_length(), length);
  }
}

TEST(Tokenizer, FindsTokensThatWereAddedLater) {
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  folder.Write("added_tokens.json", R"({"<Cat-Toy>": 516, "<dog>": 517})");
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_THAT(WithEnds(*tokenizer, "a <CAT-TOY><dog>"), ElementsAre(512, 256 + 'a', 516, 517, 513));
}

TEST(Tokenizer, RemembersWhereWordsEnd) {
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  const auto encoded = tokenizer->Encode("ABC xy<|endoftext|>");
  ASSERT_TRUE(encoded.ok()) << encoded.status();
  EXPECT_THAT(encoded->ids, ElementsAre(515, 'x', 256 + 'y', 513));
  EXPECT_THAT(encoded->word_ends, ElementsAre(1, 3, 4));
  EXPECT_THAT(encoded->words, ElementsAre("abc", "xy", "<|endoftext|>"));
}

TEST(Tokenizer, ReadsIdsBack) {
  TokenizerFolder folder;
  folder.CopyGoldenVocabulary();
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  const auto encoded = tokenizer->Encode("A  red ÉTOILE, 漢字");
  ASSERT_TRUE(encoded.ok()) << encoded.status();
  EXPECT_EQ(tokenizer->Decode(encoded->ids), "a red étoile , 漢字");
}

TEST(Tokenizer, ReadsHalfALetterBackAsAReplacement) {
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(tokenizer->Decode({'a', 0xC3}), "a\ufffd");
  EXPECT_EQ(tokenizer->Decode({-1, 'a', 1 << 30}), "a");
}

TEST(Tokenizer, RejectsTextThatIsNotUtf8) {
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_THAT(tokenizer->Encode("a\xfe").status().message(),
              HasSubstr("the text is not UTF-8: byte 0xfe at offset 1"));
}

TEST(Tokenizer, ListsTheWordsItsModelWasNotTrainedOn) {
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  folder.Write("known_words.json", R"(["red", "circle"])");
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  const auto encoded = tokenizer->Encode("Red DOG, circle! dog 7 über");
  ASSERT_TRUE(encoded.ok()) << encoded.status();
  EXPECT_THAT(tokenizer->UnknownWords(*encoded), ElementsAre("dog", "7", "über"));
}

TEST(Tokenizer, HoldsAllWordsForKnownWhereNoneAreListed) {
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  const auto tokenizer = Loaded(folder);
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_THAT(tokenizer->UnknownWords(*tokenizer->Encode("dog")), ElementsAre());
}

}  // namespace
}  // namespace weft
