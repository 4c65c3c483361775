#include "nodes/text/chunks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/text/tokenizer_folder.h"

namespace weft {
namespace {

using ::testing::ElementsAre;

std::vector<size_t> Cut(std::vector<size_t> word_ends, size_t capacity) {
  return CutBetweenWords(word_ends, capacity);
}

TEST(CutBetweenWords, AShortTextIsOneChunk) {
  EXPECT_THAT(Cut({2, 3, 5}, 5), ElementsAre(5));
  EXPECT_THAT(Cut({2, 3, 5}, 75), ElementsAre(5));
}

TEST(CutBetweenWords, NoTextIsOneEmptyChunk) { EXPECT_THAT(Cut({}, 75), ElementsAre(0)); }

TEST(CutBetweenWords, CutsBeforeTheWordThatDoesNotFit) {
  EXPECT_THAT(Cut({2, 4, 7, 8}, 5), ElementsAre(4, 8));
  EXPECT_THAT(Cut({3, 5, 6, 9}, 5), ElementsAre(5, 9));
}

TEST(CutBetweenWords, CutsInsideAWordThatFitsNowhere) {
  EXPECT_THAT(Cut({2, 14, 15}, 5), ElementsAre(2, 7, 12, 15));
  EXPECT_THAT(Cut({10}, 5), ElementsAre(5, 10));
}

TEST(LayOutChunks, PutsEachChunkBetweenBeginAndEndAndPads) {
  TokenizerFolder folder;
  folder.WriteSmallVocabulary();
  folder.Write("tokenizer_config.json", R"({"model_max_length": 5, "pad_token": "!"})");
  const auto tokenizer = Tokenizer::Load(folder.path());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const std::vector<int32_t> ids = {1, 2, 3, 4};
  EXPECT_THAT(LayOutChunks(**tokenizer, ids, {3, 4}),
              ElementsAre(512, 1, 2, 3, 513, 512, 4, 513, '!', '!'));
  EXPECT_THAT(LayOutChunks(**tokenizer, {}, {0}), ElementsAre(512, 513, '!', '!', '!'));
}

}  // namespace
}  // namespace weft
