#include "nodes/text/clip_vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/text/tokenizer.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const Tokenizer> WithPad(const std::string& pad) {
  const std::string file =
      FindClipVocabulary({std::string(WEFT_SOURCE_DIR) + "/.deps/models"}).value();
  return Tokenizer::Of(ClipTokenizerFiles(file, pad).value()).value();
}

TEST(ClipVocabulary, GivesTheIdsOfClip) {
  const auto tokenizer = WithPad("<|endoftext|>");
  const auto encoded = tokenizer->Encode("a photo of an astronaut riding a horse on mars").value();
  EXPECT_THAT(encoded.ids, ElementsAre(320, 1125, 539, 550, 18376, 6765, 320, 4558, 525, 7496));
  EXPECT_EQ(tokenizer->begin_id(), 49406);
  EXPECT_EQ(tokenizer->end_id(), 49407);
  EXPECT_EQ(tokenizer->pad_id(), 49407);
  EXPECT_EQ(tokenizer->max_length(), 77);
}

TEST(ClipVocabulary, PadsWithAnExclamationMarkWhereSd2Does) {
  EXPECT_EQ(WithPad("!")->pad_id(), 0);
}

TEST(ClipVocabulary, SaysWhatToDoWhereItIsNotThere) {
  EXPECT_THAT(FindClipVocabulary({}).status().message(),
              HasSubstr("run examples/dependencies.sh, or set WEFT_CLIP_VOCABULARY"));
}

TEST(ClipVocabulary, RefusesAFileThatIsSomethingElse) {
  const ScratchFolder folder;
  folder.Put("short.txt", "#version\ni n\n");
  EXPECT_THAT(ClipTokenizerFiles(folder / "short.txt", "!").status().message(),
              HasSubstr("holds 1 merges, CLIP's has 48894"));
  folder.Put("packed.txt", "\x1f\x8b packed");
  EXPECT_THAT(ClipTokenizerFiles(folder / "packed.txt", "!").status().message(),
              HasSubstr("is compressed; gunzip it first"));
}

}  // namespace
}  // namespace weft
