#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/text/tokenizer.h"
#include "runtime/graph/node.h"
#include "tests/nodes/text/tokenizer_folder.h"

namespace weft {

NodeType PadTokensNode();

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A tokenizer of four ids a chunk: begin 512, end 513, padding with "!".
class PadTokens : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.WriteSmallVocabulary();
    folder_.Write("tokenizer_config.json", R"({"model_max_length": 4, "pad_token": "!"})");
  }

  absl::StatusOr<Tensor> Run(const Tensor& tokens, const Tensor& like,
                             Device device = Device::kCpu) {
    const NodeType type = PadTokensNode();
    const std::shared_ptr<const Tokenizer> tokenizer = Tokenizer::Load(folder_.path()).value();
    NodeContext ctx(type.contract, environment_, Allocator(device), device == Device::kMeta);
    ctx.inputs()["tokenizer"] = Value(std::shared_ptr<const Object>(tokenizer));
    ctx.inputs()["tokens"] = Value(tokens);
    ctx.inputs()["like"] = Value(like);
    if (absl::Status status = type.run(ctx); !status.ok()) return status;
    return *ctx.outputs().at("tokens").AsTensor();
  }
  static Tensor Ids(std::vector<int32_t> ids) {
    const auto count = static_cast<int64_t>(ids.size());
    return Tensor::Of<int32_t>({1, count}, ids).value();
  }

  TokenizerFolder folder_;
  Environment environment_;
};

TEST_F(PadTokens, AddsChunksWithoutAWord) {
  const auto padded = Run(Ids({512, 7, 513, 33}), Ids(std::vector<int32_t>(12, 1)));
  ASSERT_TRUE(padded.ok()) << padded.status();
  EXPECT_THAT(padded->span<int32_t>(),
              ElementsAre(512, 7, 513, 33, 512, 513, 33, 33, 512, 513, 33, 33));
}

TEST_F(PadTokens, CutsNothingOff) {
  const auto padded = Run(Ids({512, 7, 513, 33}), Ids({1, 2}));
  ASSERT_TRUE(padded.ok()) << padded.status();
  EXPECT_THAT(padded->span<int32_t>(), ElementsAre(512, 7, 513, 33));
}

TEST_F(PadTokens, HasInADryRunTheShapeOfTheRun) {
  const auto meta = [](int64_t count) {
    return Tensor::Allocate(Allocator(Device::kMeta), DType::kI32, {1, count}).value();
  };
  const auto padded = Run(meta(4), meta(8), Device::kMeta);
  ASSERT_TRUE(padded.ok()) << padded.status();
  EXPECT_EQ(padded->shape(), (Shape{1, 8}));
}

TEST_F(PadTokens, RefusesWhatIsNotTokens) {
  const auto padded = Run(Ids({1}), Tensor::Of<float>({1, 1}, {1}).value());
  EXPECT_EQ(PortOf(padded.status()), "like");
  EXPECT_THAT(padded.status().message(), HasSubstr("expected token ids [batch, tokens] i32"));
}

}  // namespace
}  // namespace weft
