#include "nodes/text/tokenizer_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "nodes/text/tokenizer.h"
#include "tests/nodes/text/tokenizer_folder.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

std::string LoadError(const TokenizerFolder& folder) {
  const auto tokenizer = Tokenizer::Load(folder.path());
  EXPECT_FALSE(tokenizer.ok()) << "loads, but should not";
  const std::string message(tokenizer.status().message());
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message;
}

// The error of a small tokenizer with one file replaced.
std::string ErrorWith(absl::string_view file, absl::string_view contents) {
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  folder.Write(file, contents);
  return LoadError(folder);
}

std::string ErrorWithVocabulary(const Json& changes) {
  Json vocabulary = TokenizerFolder::SmallVocabulary();
  for (const auto& [token, id] : changes.items()) {
    if (id.is_null()) {
      vocabulary.erase(token);
    } else {
      vocabulary[token] = id;
    }
  }
  return ErrorWith("vocab.json", vocabulary.dump());
}

TEST(TokenizerFiles, AFolderWithoutATokenizerIsAnError) {
  TokenizerFolder folder;
  EXPECT_THAT(LoadError(folder), AllOf(HasSubstr(folder.path()),
                                       HasSubstr("holds neither tokenizer.json nor vocab.json")));
}

TEST(TokenizerFiles, AVocabularyWithoutMergesIsAnError) {
  TokenizerFolder folder;
  folder.Write("vocab.json", TokenizerFolder::SmallVocabulary().dump());
  EXPECT_THAT(LoadError(folder), HasSubstr("merges.txt\""));
}

TEST(TokenizerFiles, TruncatedJsonIsAnErrorWithItsPlace) {
  EXPECT_THAT(ErrorWith("vocab.json", "{\"a\": 1,\n \"b\":"),
              AllOf(HasSubstr("vocab.json\": line 2, column 5"), HasSubstr("unexpected end")));
  EXPECT_THAT(ErrorWith("tokenizer_config.json", "{"),
              HasSubstr("tokenizer_config.json\": line 1"));
  EXPECT_THAT(ErrorWith("tokenizer.json", ""), HasSubstr("tokenizer.json\": line 1"));
}

TEST(TokenizerFiles, JsonOfNothingButBracketsIsAnError) {
  EXPECT_THAT(ErrorWith("vocab.json", std::string(1000000, '[')),
              HasSubstr("vocab.json\": line 1, column 65: nested deeper than 64 levels"));
}

TEST(TokenizerFiles, AVocabularyThatIsNoObjectIsAnError) {
  EXPECT_THAT(ErrorWith("vocab.json", "[1, 2]"),
              HasSubstr("vocab.json\": expected a vocabulary (token: id), found array"));
  EXPECT_THAT(ErrorWith("vocab.json", "{}"), HasSubstr("vocab.json\": the vocabulary is empty"));
}

TEST(TokenizerFiles, TwoTokensWithOneIdAreAnError) {
  EXPECT_THAT(ErrorWithVocabulary({{"zz", 97}}),
              HasSubstr(R"(vocab.json": tokens "a" and "zz" both have id 97)"));
}

TEST(TokenizerFiles, IdsOutOfRangeAreAnError) {
  EXPECT_THAT(ErrorWithVocabulary({{"zz", -1}}),
              HasSubstr(R"(token "zz": id -1 is out of range (0 to 4194303))"));
  EXPECT_THAT(ErrorWithVocabulary({{"zz", 18446744073709551615u}}),
              HasSubstr("id 18446744073709551615 is out of range"));
  EXPECT_THAT(ErrorWithVocabulary({{"zz", 1.5}}),
              HasSubstr(R"(token "zz": expected an id (a whole number), found number)"));
}

TEST(TokenizerFiles, AVocabularyWithoutEndOfTextIsAnError) {
  EXPECT_THAT(ErrorWithVocabulary({{"<|endoftext|>", nullptr}}),
              HasSubstr(R"(the vocabulary has no token "<|endoftext|>", which ends a text)"));
  EXPECT_THAT(ErrorWithVocabulary({{"<|startoftext|>", nullptr}}),
              HasSubstr(R"(the vocabulary has no token "<|startoftext|>", which begins a text)"));
}

TEST(TokenizerFiles, TheUnknownTokenStandsForAMissingByte) {
  TokenizerFolder folder;
  nlohmann::json vocabulary = TokenizerFolder::SmallVocabulary();
  vocabulary.erase("z</w>");
  folder.Write("vocab.json", vocabulary.dump());
  folder.Write("merges.txt", "");
  const auto tokenizer = Tokenizer::Load(folder.path());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_THAT((*tokenizer)->Encode("z")->ids, ::testing::ElementsAre(513));
}

TEST(TokenizerFiles, AMergeOfAnUnknownTokenIsAnError) {
  EXPECT_THAT(ErrorWith("merges.txt", "#version: 0.2\na b\na q\n"),
              HasSubstr(R"(merges.txt": merge 2 ("a q") needs token "aq")"));
}

TEST(TokenizerFiles, ALineThatIsNoMergeIsAnError) {
  EXPECT_THAT(ErrorWith("merges.txt", "#version: 0.2\na b\n\nab\n"),
              HasSubstr("merges.txt\": line 4 is not a merge"));
  EXPECT_THAT(ErrorWith("merges.txt", "a b c\n"), HasSubstr("merges.txt\": line 1 is not a merge"));
  EXPECT_THAT(ErrorWith("merges.txt", "a \xff\n"),
              HasSubstr("merges.txt\": line 1 is not a merge"));
}

TEST(TokenizerFiles, MergesMayEndLinesAsWindowsDoes) {
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  folder.Write("merges.txt", "#version: 0.2\r\na b\r\nab c</w>\r\n");
  const auto tokenizer = Tokenizer::Load(folder.path());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_THAT((*tokenizer)->Encode("abc")->ids, ::testing::ElementsAre(515));
}

TEST(TokenizerFiles, ATokenizerOfAnotherKindIsAnError) {
  EXPECT_THAT(ErrorWith("tokenizer.json", R"({"model": {"type": "Unigram", "vocab": []}})"),
              AllOf(HasSubstr("tokenizer.json\": holds a model of type"), HasSubstr("Unigram"),
                    HasSubstr("expected CLIP's \"BPE\"")));
  EXPECT_THAT(ErrorWith("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {}}})"),
              HasSubstr("end_of_word_suffix is \"null\", expected CLIP's \"</w>\""));
  EXPECT_THAT(ErrorWith("tokenizer.json", "{}"), HasSubstr("tokenizer.json\": has no \"model\""));
  EXPECT_THAT(ErrorWith("tokenizer.json", "7"),
              HasSubstr("tokenizer.json\": expected a JSON object, found number"));
}

TEST(TokenizerFiles, BadMergesInTokenizerJsonAreAnError) {
  Json json = {{"model",
                {{"type", "BPE"},
                 {"end_of_word_suffix", "</w>"},
                 {"vocab", TokenizerFolder::SmallVocabulary()},
                 {"merges", Json::array({"a b", Json::array({"ab"})})}}}};
  EXPECT_THAT(ErrorWith("tokenizer.json", json.dump()),
              HasSubstr("tokenizer.json\": model.merges[1] is not a pair of tokens"));
  json["model"]["merges"] = "a b";
  EXPECT_THAT(ErrorWith("tokenizer.json", json.dump()),
              HasSubstr("tokenizer.json\": model.merges is not a list"));
}

TEST(TokenizerFiles, AnAddedTokenWithAnotherIdThanTheVocabularysIsAnError) {
  EXPECT_THAT(ErrorWith("added_tokens.json", R"({"<x>": 600})"),
              HasSubstr(R"(added token "<x>" should have id 600, but the next free id is 516)"));
  EXPECT_THAT(
      ErrorWith("tokenizer_config.json", R"({"added_tokens_decoder": {"5": {"content": "ab"}}})"),
      HasSubstr(R"(added token "ab" should have id 5, but the vocabulary says 514)"));
}

TEST(TokenizerFiles, BadAddedTokensAreAnError) {
  EXPECT_THAT(ErrorWith("added_tokens.json", R"({"<x>": "y"})"),
              HasSubstr(R"(added_tokens.json": token "<x>": expected an id)"));
  EXPECT_THAT(ErrorWith("tokenizer_config.json", R"({"added_tokens_decoder": {"x": "y"}})"),
              HasSubstr(R"(added_tokens_decoder["x"]: expected an id as the key)"));
  EXPECT_THAT(ErrorWith("tokenizer_config.json", R"({"eos_token": 7})"),
              HasSubstr("tokenizer_config.json\": eos_token: expected a token, found number"));
  EXPECT_THAT(ErrorWith("special_tokens_map.json", R"({"pad_token": ""})"),
              HasSubstr("special_tokens_map.json\": pad_token: a token of 0 bytes"));
  EXPECT_THAT(
      ErrorWith("special_tokens_map.json", Json{{"pad_token", std::string(100000, 'x')}}.dump()),
      HasSubstr(
          "special_tokens_map.json\": pad_token: a token of 100000 bytes (expected 1 to 256)"));
}

TEST(TokenizerFiles, AnAbsurdNumberOfAddedTokensIsAnError) {
  Json added = Json::object();
  const size_t known = TokenizerFolder::SmallVocabulary().size();
  for (size_t i = 0; i < 20'000; ++i) added[absl::StrCat("<", i, ">")] = known + i;
  EXPECT_THAT(ErrorWith("added_tokens.json", added.dump()),
              HasSubstr("adds more than 16384 tokens"));
}

TEST(TokenizerFiles, AnAbsurdLengthIsAnError) {
  for (const char* length : {"0", "2", "-77", "7.5", "\"long\"", "[]"}) {
    EXPECT_THAT(
        ErrorWith("tokenizer_config.json", std::string(R"({"model_max_length": )") + length + "}"),
        HasSubstr("tokenizer_config.json\": model_max_length is"));
  }
}

TEST(TokenizerFiles, KnownWordsThatAreNoListOfWordsAreAnError) {
  EXPECT_THAT(ErrorWith("known_words.json", R"({"a": "b"})"),
              HasSubstr("known_words.json\": expected a list of words"));
  EXPECT_THAT(ErrorWith("known_words.json", R"(["a", 1])"),
              HasSubstr("known_words.json\": expected a list of words"));
}

TEST(TokenizerFiles, AFolderInPlaceOfTheVocabularyIsAnError) {
  TokenizerFolder folder;
  std::filesystem::create_directory(folder.path() + "/vocab.json");
  EXPECT_THAT(LoadError(folder), HasSubstr("holds neither tokenizer.json nor vocab.json"));
}

TEST(TokenizerFiles, AVocabularyCutAnywhereIsAnError) {
  const std::string vocabulary = TokenizerFolder::SmallVocabulary().dump();
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  for (size_t length = 0; length < vocabulary.size(); length += 97) {
    folder.Write("vocab.json", absl::string_view(vocabulary).substr(0, length));
    EXPECT_THAT(LoadError(folder), HasSubstr("vocab.json\": line 1")) << length;
  }
}

}  // namespace
}  // namespace weft
