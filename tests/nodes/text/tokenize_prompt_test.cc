#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "nodes/text/prompt.h"
#include "nodes/text/tokenizer.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/node.h"
#include "tests/nodes/text/tokenizer_folder.h"

namespace weft {

NodeType TokenizePromptNode();

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TokenizePromptTest : public ::testing::Test {
 protected:
  // A tokenizer of six ids a chunk, four of them the text's.
  void SetUp() override {
    folder_.WriteSmallVocabulary();
    folder_.Write("tokenizer_config.json", R"({"model_max_length": 6, "pad_token": "!"})");
    environment_.events = [this](const Event& event) {
      if (event.kind == Event::Kind::kNotice) notices_.push_back(event.message);
    };
  }

  absl::Status Run(const std::string& text, bool truncate = false, bool dry_run = false,
                   const std::string& syntax = "plain",
                   const std::string& weighting = "keep_mean") {
    WEFT_RETURN_IF_ERROR(Load());
    NodeContext ctx(type_.contract, environment_, Allocator(dry_run ? Device::kMeta : Device::kCpu),
                    dry_run);
    ctx.inputs()["tokenizer"] = Value(std::shared_ptr<const Object>(tokenizer_));
    ctx.inputs()["text"] = Value(text);
    ctx.inputs()["truncate"] = Value(truncate);
    ctx.inputs()["syntax"] = Value(syntax);
    ctx.inputs()["weighting"] = Value(weighting);
    WEFT_RETURN_IF_ERROR((dry_run ? type_.inferring() : type_.run)(ctx));
    tokens_ = *ctx.outputs().at("tokens").AsTensor();
    prompt_ = std::dynamic_pointer_cast<const Prompt>(ctx.outputs().at("prompt").SharedObject());
    return absl::OkStatus();
  }

  std::vector<int32_t> Ids() const {
    const absl::Span<const int32_t> ids = tokens_.span<int32_t>();
    return std::vector<int32_t>(ids.begin(), ids.end());
  }

  TokenizerFolder folder_;
  std::vector<std::string> notices_;
  Tensor tokens_;
  std::shared_ptr<const Prompt> prompt_;

 private:
  absl::Status Load() {
    WEFT_ASSIGN_OR_RETURN(tokenizer_, Tokenizer::Load(folder_.path()));
    return absl::OkStatus();
  }

  NodeType type_ = TokenizePromptNode();
  Environment environment_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_F(TokenizePromptTest, APlainTextHasNoSyntax) {
  ASSERT_TRUE(Run("(p)").ok());
  EXPECT_TRUE(prompt_->plain());
  EXPECT_THAT(Ids(), ElementsAre(512, 256 + '(', 256 + 'p', 256 + ')', 513, '!'));
}

TEST_F(TokenizePromptTest, WeighsTheTokensOfAnEmphasizedWord) {
  ASSERT_TRUE(Run("p (xy:1.5)", false, false, "weighted").ok());
  EXPECT_THAT(Ids(), ElementsAre(512, 256 + 'p', 'x', 256 + 'y', 513, '!'));
  ASSERT_EQ(prompt_->texts().size(), 1u);
  EXPECT_THAT(prompt_->texts()[0].token_weights, ElementsAre(1, 1, 1.5f, 1.5f, 1, 1));
}

TEST_F(TokenizePromptTest, BeginsAChunkAtEachBreak) {
  ASSERT_TRUE(Run("p BREAK (q) BREAK", false, false, "weighted").ok());
  EXPECT_EQ(tokens_.shape(), (Shape{2, 6}));
  EXPECT_THAT(Ids(), ElementsAre(512, 256 + 'p', 513, '!', '!', '!',  //
                                 512, 256 + 'q', 513, '!', '!', '!'));
  EXPECT_EQ(prompt_->texts()[0].rows, 2);
  EXPECT_EQ(prompt_->texts()[0].token_weights[7], 1.1f);
}

TEST_F(TokenizePromptTest, GivesEachTextOfAPromptRowsOfItsOwn) {
  ASSERT_TRUE(Run("[p:q r s p q:0.5] AND x:0.5", false, false, "weighted").ok());
  EXPECT_EQ(tokens_.shape(), (Shape{4, 6}));  // p; q r s p | q; x
  ASSERT_EQ(prompt_->texts().size(), 3u);
  EXPECT_EQ(prompt_->texts()[1].first_row, 1);
  EXPECT_EQ(prompt_->texts()[1].rows, 2);
  EXPECT_EQ(prompt_->texts()[1].steps.first_share, 0.5);
  EXPECT_EQ(prompt_->texts()[2].first_row, 3);
  EXPECT_EQ(prompt_->texts()[2].weight, 0.5);
  EXPECT_THAT(prompt_->texts()[2].token_weights, ElementsAre());
}

TEST_F(TokenizePromptTest, KeepsTheFirstChunkOfEachTextWhereToldToTruncate) {
  ASSERT_TRUE(Run("p q r s p q BREAK x", true, false, "weighted").ok());
  EXPECT_THAT(Ids(), ElementsAre(512, 256 + 'p', 256 + 'q', 256 + 'r', 256 + 's', 513));
}

TEST_F(TokenizePromptTest, AddsAnEmptyTextWhereTheWeightingLooksAtIt) {
  ASSERT_TRUE(Run("(p)", false, false, "weighted", "interpolate").ok());
  EXPECT_EQ(tokens_.shape(), (Shape{2, 6}));
  EXPECT_EQ(Ids()[7], 513);
  EXPECT_EQ(prompt_->empty_row(), 1);
  ASSERT_TRUE(Run("p", false, false, "weighted", "interpolate").ok());
  EXPECT_EQ(tokens_.shape(), (Shape{1, 6}));  // nothing to weigh
}

TEST_F(TokenizePromptTest, AnEmptyPromptWithSyntaxIsOneEmptyText) {
  ASSERT_TRUE(Run("", false, false, "weighted").ok());
  EXPECT_THAT(Ids(), ElementsAre(512, 513, '!', '!', '!', '!'));
  EXPECT_EQ(prompt_->texts().size(), 1u);
}

TEST_F(TokenizePromptTest, RefusesAPromptOfTooManyTextsAtItsPort) {
  const absl::Status status =
      Run("[a|b|c|d|e|f|g|h] [a|b|c|d|e|f|g|h|i]", false, false, "weighted");
  EXPECT_EQ(PortOf(status), "text");
}

TEST_F(TokenizePromptTest, ListsWordsThatTheModelDoesNotKnow) {
  folder_.Write("known_words.json", R"(["p"])");
  ASSERT_TRUE(Run("(p) [dog|p]", false, false, "weighted").ok());
  EXPECT_THAT(notices_.back(), HasSubstr("the model does not know: dog; it was trained on: p"));
}

TEST_F(TokenizePromptTest, ADryRunGivesTheShapeAndNoNotice) {
  ASSERT_TRUE(Run("p BREAK xyz", false, true, "weighted").ok());
  EXPECT_EQ(tokens_.shape(), (Shape{2, 6}));
  EXPECT_TRUE(tokens_.is_meta());
}

TEST_F(TokenizePromptTest, RejectsTextThatIsNotUtf8AndNamesThePort) {
  EXPECT_EQ(PortOf(Run("(a\xff)", false, false, "weighted")), "text");
}

}  // namespace
}  // namespace weft
