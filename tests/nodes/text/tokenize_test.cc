#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "nodes/text/tokenizer.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"
#include "tests/nodes/text/tokenizer_folder.h"

namespace weft {

NodeType TokenizeNode();

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Tokenize : public ::testing::Test {
 protected:
  // A tokenizer of six ids a chunk, four of them the text's.
  void SetUp() override {
    folder_.WriteSmallVocabulary();
    folder_.Write("tokenizer_config.json", R"({"model_max_length": 6, "pad_token": "!"})");
    environment_.events = [this](const Event& event) {
      if (event.kind == Event::Kind::kNotice) notices_.push_back(event.message);
    };
  }

  absl::Status Run(const std::string& text, bool truncate = false, bool dry_run = false) {
    WEFT_RETURN_IF_ERROR(Load());
    NodeContext ctx(type_.contract, environment_, Allocator(dry_run ? Device::kMeta : Device::kCpu),
                    dry_run);
    ctx.inputs()["tokenizer"] = Value(std::shared_ptr<const Object>(tokenizer_));
    ctx.inputs()["text"] = Value(text);
    ctx.inputs()["truncate"] = Value(truncate);
    WEFT_RETURN_IF_ERROR((dry_run ? type_.inferring() : type_.run)(ctx));
    tokens_ = *ctx.outputs().at("tokens").AsTensor();
    return absl::OkStatus();
  }

  std::vector<int32_t> Ids() const {
    const absl::Span<const int32_t> ids = tokens_.span<int32_t>();
    return std::vector<int32_t>(ids.begin(), ids.end());
  }

  TokenizerFolder folder_;
  std::vector<std::string> notices_;
  Tensor tokens_;

 private:
  absl::Status Load() {
    WEFT_ASSIGN_OR_RETURN(tokenizer_, Tokenizer::Load(folder_.path()));
    return absl::OkStatus();
  }

  NodeType type_ = TokenizeNode();
  Environment environment_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_F(Tokenize, PutsAShortTextIntoOneChunk) {
  ASSERT_TRUE(Run("abc x").ok());
  EXPECT_EQ(tokens_.shape(), (Shape{1, 6}));
  EXPECT_THAT(Ids(), ElementsAre(512, 515, 256 + 'x', 513, '!', '!'));
  EXPECT_THAT(notices_, ElementsAre());
}

TEST_F(Tokenize, AnEmptyTextIsBeginAndEnd) {
  ASSERT_TRUE(Run("").ok());
  EXPECT_THAT(Ids(), ElementsAre(512, 513, '!', '!', '!', '!'));
}

TEST_F(Tokenize, ATextThatFitsExactlyIsOneChunk) {
  ASSERT_TRUE(Run("p q r s").ok());
  EXPECT_EQ(tokens_.dim(1), 6);
  EXPECT_THAT(notices_, ElementsAre());
}

TEST_F(Tokenize, CutsALongTextBetweenWordsAndSaysSo) {
  ASSERT_TRUE(Run("p q xyz").ok());
  EXPECT_THAT(Ids(), ElementsAre(512, 256 + 'p', 256 + 'q', 513, '!', '!',  //
                                 512, 'x', 'y', 256 + 'z', 513, '!'));
  EXPECT_THAT(notices_, ElementsAre("prompt has 5 tokens: encoded as 2 chunks of 6"));
}

TEST_F(Tokenize, CutsOffWhatDoesNotFitWhereToldToAndQuotesIt) {
  ASSERT_TRUE(Run("p q xyz end", /*truncate=*/true).ok());
  EXPECT_THAT(Ids(), ElementsAre(512, 256 + 'p', 256 + 'q', 'x', 'y', 513));
  EXPECT_THAT(notices_, ElementsAre("prompt has 8 tokens, of which 4 fit: cut off \"z end\""));
}

TEST_F(Tokenize, CutsTheQuoteOfALongRest) {
  ASSERT_TRUE(Run("p q r s " + std::string(10000, 'x'), /*truncate=*/true).ok());
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_LT(notices_[0].size(), 300u);
  EXPECT_THAT(notices_[0], HasSubstr("xxx…\""));
}

TEST_F(Tokenize, ListsWordsThatTheModelDoesNotKnow) {
  folder_.Write("known_words.json", R"(["p", "red"])");
  ASSERT_TRUE(Run("P dog on").ok());
  EXPECT_THAT(notices_.back(),
              HasSubstr("the model does not know: dog, on; it was trained on: p, red"));
}

TEST_F(Tokenize, ListsNoMoreThanTheFirstOfManyUnknownWords) {
  folder_.Write("known_words.json", R"(["red"])");
  std::string text;
  for (char a = 'a'; a <= 'z'; ++a) {
    for (char b : {'m', 'n'}) absl::StrAppend(&text, std::string{a, b}, " ");
  }
  ASSERT_TRUE(Run(text).ok());
  EXPECT_THAT(notices_.back(), HasSubstr("xn and 4 more; it was trained on: red"));
}

TEST_F(Tokenize, ADryRunGivesTheShapeAndNoNotice) {
  ASSERT_TRUE(Run("p q xyz", /*truncate=*/false, /*dry_run=*/true).ok());
  EXPECT_EQ(tokens_.shape(), (Shape{1, 12}));
  EXPECT_TRUE(tokens_.is_meta());
  EXPECT_THAT(notices_, ElementsAre());
}

TEST_F(Tokenize, RejectsTextThatIsNotUtf8AndNamesThePort) {
  const absl::Status status = Run("a\xff");
  EXPECT_THAT(status.message(), HasSubstr("not UTF-8: byte 0xff at offset 1"));
  EXPECT_EQ(PortOf(status), "text");
}

TEST_F(Tokenize, HasThePortsOfTheCatalogue) {
  const Contract contract = TokenizeNode().contract;
  EXPECT_EQ(contract.type, "Tokenize");
  EXPECT_THAT(contract.InputNames(), ElementsAre("tokenizer", "text", "truncate"));
  EXPECT_THAT(contract.OutputNames(), ElementsAre("tokens"));
  EXPECT_TRUE(contract.Input("text")->required);
  EXPECT_FALSE(*contract.Input("truncate")->fallback.AsBool());
}

}  // namespace
}  // namespace weft
