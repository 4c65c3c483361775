#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/models/parts.h"
#include "nodes/text/conditioning.h"
#include "tests/nodes/models/run_node.h"

namespace weft {

NodeType ClipEncodeNode();

namespace {

using ::testing::HasSubstr;

Value LoadClip(const std::string& name) {
  return Value(std::shared_ptr<const Object>(
      ClipTextEncoder::Load(GoldenFolder(name) + "/text_encoder").value()));
}

Tensor Ids(const GoldenTensors& golden) {
  return golden.Get("input_ids").To(DType::kI32, Allocator(Device::kCpu)).value();
}

absl::StatusOr<Conditioning::Entry> Encode(const std::string& name, const Tensor& ids,
                                           int64_t skip = 0, const NodeRun& how = {},
                                           bool penultimate = false) {
  const absl::StatusOr<Values> outputs = RunNode(ClipEncodeNode(),
                                                 {{"clip", LoadClip(name)},
                                                  {"tokens", Value(ids)},
                                                  {"clip_skip", Value(skip)},
                                                  {"penultimate", Value(penultimate)}},
                                                 how);
  if (!outputs.ok()) return outputs.status();
  return dynamic_cast<const Conditioning*>(outputs->at("conditioning").AsObject())->entries().at(0);
}

TEST(ClipEncode, GivesTheLastHiddenStates) {
  const GoldenTensors golden("clip_gelu");
  const auto entry = Encode("clip_gelu", Ids(golden));
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_LE(Distance(entry->tokens, golden.Get("last_hidden_state")), 1e-4);
  EXPECT_TRUE(entry->pooled.empty());
}

TEST(ClipEncode, LeavesOutTheLastLayersWithClipSkip) {
  const GoldenTensors golden("clip_gelu");
  const auto entry = Encode("clip_gelu", Ids(golden), 1);
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_LE(Distance(entry->tokens, golden.Get("clip_skip_1")), 1e-4);
}

TEST(ClipEncode, GivesWhatGoesIntoTheLastLayerForSdxl) {
  const GoldenTensors golden("clip_projection");
  const auto entry = Encode("clip_projection", Ids(golden), 0, {}, true);
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_LE(Distance(entry->tokens, golden.Get("hidden_states_minus_2")), 1e-4);
  EXPECT_LE(Distance(entry->pooled, golden.Get("text_embeds")), 1e-4);
  EXPECT_EQ(PortOf(Encode("clip_gelu", Ids(GoldenTensors("clip_gelu")), 2, {}, true).status()),
            "clip_skip");
}

TEST(ClipEncode, GivesThePooledTextWhereTheEncoderProjectsIt) {
  const GoldenTensors golden("clip_projection");
  const auto entry = Encode("clip_projection", Ids(golden));
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_LE(Distance(entry->pooled, golden.Get("text_embeds")), 1e-4);
}

TEST(ClipEncode, EncodesTheChunksOfALongTextEachByItself) {
  const GoldenTensors golden("clip_projection");
  const Tensor ids = Ids(golden);  // [3, 77]
  const Tensor text = ids.Rows(0, 2)->Reshape({1, 154}).value();
  const auto entry = Encode("clip_projection", text);
  ASSERT_TRUE(entry.ok()) << entry.status();
  const Tensor apart = golden.Get("last_hidden_state").Rows(0, 2)->Reshape({1, 154, 32}).value();
  EXPECT_LE(Distance(entry->tokens, apart), 1e-4);
  EXPECT_LE(Distance(entry->pooled, *golden.Get("text_embeds").Rows(0, 1)), 1e-4);
}

TEST(ClipEncode, HasInADryRunTheShapesOfTheRun) {
  const Tensor ids = Tensor::Allocate(Allocator(Device::kMeta), DType::kI32, {2, 154}).value();
  const auto entry = Encode("clip_projection", ids, 0, {.dry = true});
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->tokens.shape(), (Shape{2, 154, 32}));
  EXPECT_EQ(entry->pooled.shape(), (Shape{2, 20}));
  EXPECT_TRUE(entry->tokens.is_meta());
}

TEST(ClipEncode, RefusesToSkipAllLayers) {
  const GoldenTensors golden("clip_gelu");
  const auto entry = Encode("clip_gelu", Ids(golden), 3);
  EXPECT_EQ(PortOf(entry.status()), "clip_skip");
  EXPECT_THAT(entry.status().message(), HasSubstr("is 3, but this text encoder has 3 layers"));
}

TEST(ClipEncode, RefusesATextThatIsNotMadeOfChunks) {
  const Tensor ids = Tensor::Of<int32_t>({1, 80}, std::vector<int32_t>(80, 1)).value();
  const auto entry = Encode("clip_gelu", ids);
  EXPECT_EQ(PortOf(entry.status()), "tokens");
  EXPECT_THAT(entry.status().message(),
              HasSubstr("expected up to 77 tokens a text, or a multiple of that, got [1, 80]"));
}

TEST(ClipEncode, NamesATokenThatTheEncoderDoesNotKnow) {
  const Tensor ids = Tensor::Of<int32_t>({1, 2}, {5, 300}).value();
  const auto entry = Encode("clip_gelu", ids);
  EXPECT_EQ(PortOf(entry.status()), "tokens");
  EXPECT_THAT(entry.status().message(),
              HasSubstr("token 1 of text 0 is 300; the text encoder knows 0..259"));
}

TEST(ClipEncode, TakesShortTexts) {
  const GoldenTensors golden("clip_gelu");
  const Tensor ids = Ids(golden);
  std::vector<int32_t> few(ids.span<int32_t>().begin(), ids.span<int32_t>().begin() + 5);
  const auto entry = Encode("clip_gelu", Tensor::Of<int32_t>({1, 5}, few).value());
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->tokens.shape(), (Shape{1, 5, 40}));
  // Tokens see only those before them, so the first five are as in the whole text.
  const Tensor whole =
      golden.Get("last_hidden_state").Rows(0, 1)->Reshape({77, 40})->Rows(0, 5).value();
  EXPECT_LE(Distance(*entry->tokens.Reshape({5, 40}), whole), 1e-4);
}

}  // namespace
}  // namespace weft
