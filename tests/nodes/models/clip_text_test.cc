#include "nodes/models/clip_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/models/parts.h"
#include "tests/nodes/models/golden.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Tensor Ids(const GoldenTensors& golden) {
  return golden.Get("input_ids").To(DType::kI32, Allocator(Device::kCpu)).value();
}

class ClipTextGolden : public ::testing::TestWithParam<std::tuple<std::string, DType>> {
 protected:
  std::string name() const { return std::get<0>(GetParam()); }
  DType compute() const { return std::get<1>(GetParam()); }
};

TEST_P(ClipTextGolden, EncodesAsTransformersDoes) {
  const GoldenTensors golden(name());
  const auto clip = ClipTextEncoder::Load(GoldenFolder(name()) + "/text_encoder");
  ASSERT_TRUE(clip.ok()) << clip.status();
  EXPECT_THAT((*clip)->unused(), ::testing::IsEmpty());
  const ClipText& network = (*clip)->network();
  const Tensor ids = Ids(golden);
  const auto run = [&](const ClipText::Options& options) {
    Ops ops = CpuOps(compute());
    ClipText::Output output = network(ops, ids, options);
    EXPECT_TRUE(ops.status().ok()) << ops.status();
    output.hidden = ops.Cast(output.hidden, DType::kF32);
    if (output.pooled) output.pooled = ops.Cast(output.pooled, DType::kF32);
    return output;
  };
  const ClipText::Output whole = run({.pooled = true});
  ExpectParity("last_hidden_state", whole.hidden, golden.Get("last_hidden_state"), compute());
  const std::string pooled = golden.Has("pooled") ? "pooled" : "text_embeds";
  ExpectParity(pooled, whole.pooled, golden.Get(pooled), compute());
  ExpectParity("clip_skip_1", run({.skip = 1}).hidden, golden.Get("clip_skip_1"), compute());
  const ClipText::Output before = run({.skip = 1, .final_norm = false, .pooled = true});
  ExpectParity("hidden_states_minus_2", before.hidden, golden.Get("hidden_states_minus_2"),
               compute());
  ExpectParity("pooled beside a skip", before.pooled, golden.Get(pooled), compute());
}

TEST_P(ClipTextGolden, HasInADryRunTheShapesOfTheRun) {
  const auto clip = ClipTextEncoder::Load(GoldenFolder(name()) + "/text_encoder");
  ASSERT_TRUE(clip.ok()) << clip.status();
  const GoldenTensors golden(name());
  Ops ops = MetaOps(compute());
  const ClipText::Output output = (*clip)->network()(ops, Ids(golden), {.pooled = true});
  ASSERT_TRUE(ops.status().ok()) << ops.status();
  EXPECT_TRUE(output.hidden.is_meta());
  EXPECT_EQ(output.hidden.shape(), golden.Get("last_hidden_state").shape());
  EXPECT_EQ(output.pooled.shape(),
            golden.Get(golden.Has("pooled") ? "pooled" : "text_embeds").shape());
}

TEST_P(ClipTextGolden, GivesTheSameBitsForAnyNumberOfThreads) {
  const auto clip = ClipTextEncoder::Load(GoldenFolder(name()) + "/text_encoder");
  ASSERT_TRUE(clip.ok()) << clip.status();
  const Tensor ids = Ids(GoldenTensors(name()));
  Ops ops = CpuOps(compute());
  const auto encode = [&] {
    return ops.Finish(ops.Cast((*clip)->network()(ops, ids, {}).hidden, DType::kF32)).value();
  };
  SetThreads(1);
  const Tensor wanted = encode();
  for (const int threads : {2, 3, 8}) {
    SetThreads(threads);
    EXPECT_EQ(Distance(encode(), wanted), 0) << threads << " threads";
  }
  SetThreads(0);
}

INSTANTIATE_TEST_SUITE_P(Models, ClipTextGolden,
                         ::testing::Combine(::testing::ValuesIn(GoldensWith("text_encoder")),
                                            ::testing::Values(DType::kF32, DType::kBF16)),
                         [](const auto& of) {
                           return std::get<0>(of.param) + "_" +
                                  std::string(Name(std::get<1>(of.param)));
                         });

TEST(ClipText, TheGoldensCoverSixEncoders) { EXPECT_GE(GoldensWith("text_encoder").size(), 6u); }

TEST(EndOfText, IsTheFirstEndToken) {
  EXPECT_EQ(EndOfText({7, 3, 9, 9, 9}, 9), 2);
  EXPECT_EQ(EndOfText({7, 3, 1}, 9), 0);
}

TEST(EndOfText, IsTheGreatestIdForConfigsThatSayTwo) {
  EXPECT_EQ(EndOfText({7, 2, 49, 2, 49}, 2), 2);
}

TEST(CheckTokenIds, NamesThePlaceOfAnIdThatIsUnknown) {
  const Tensor ids = Tensor::Of<int32_t>({2, 2}, {1, 2, 3, 500}).value();
  EXPECT_THAT(CheckTokenIds(ids, 500).message(),
              HasSubstr("token 1 of text 1 is 500; the text encoder knows 0..499"));
  EXPECT_TRUE(CheckTokenIds(ids, 501).ok());
}

TEST(CheckTextIds, RefusesTextsThatAnotherModelsTokenizerFilledUp) {
  const TextIds clip = {.begin = 50, .end = 51, .pad = 51};
  const TextIds open_clip = {.begin = 50, .end = 51, .pad = 0};
  const auto check = [](std::initializer_list<int32_t> ids, const TextIds& own) {
    const auto length = static_cast<int64_t>(ids.size());
    return CheckTextIds(Tensor::Of<int32_t>({1, length}, ids).value(), own).message();
  };
  EXPECT_EQ(check({50, 7, 51, 51, 51}, clip), "");
  EXPECT_EQ(check({50, 7, 51, 0, 0}, open_clip), "");
  EXPECT_THAT(check({50, 7, 51, 0, 0}, clip),
              AllOf(HasSubstr("filled up with token 0, those of this text encoder's own"),
                    HasSubstr("with 51: the tokenizer is another model's")));
  EXPECT_THAT(check({50, 7, 51, 51, 51}, open_clip), HasSubstr("filled up with token 51"));
  EXPECT_THAT(check({50, 7, 9, 51, 51}, open_clip), HasSubstr("filled up with token 51"));
  EXPECT_THAT(check({3, 7, 51, 51, 51}, clip), HasSubstr("begin with token 3"));
}

TEST(CheckTextIds, LeavesFullTextsAlone) {
  const TextIds open_clip = {.begin = 50, .end = 51, .pad = 0};
  const auto check = [&](std::initializer_list<int32_t> ids) {
    const auto length = static_cast<int64_t>(ids.size());
    return CheckTextIds(Tensor::Of<int32_t>({1, length}, ids).value(), open_clip);
  };
  EXPECT_TRUE(check({50, 7, 8, 9, 51}).ok());
  EXPECT_TRUE(check({50, 7, 8, 9, 10}).ok());   // cut by hand
  EXPECT_TRUE(check({50, 51, 8, 9, 51}).ok());  // the end token written out in a prompt
}

}  // namespace
}  // namespace weft
