#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "nodes/models/parts.h"
#include "nodes/text/text_embedding.h"
#include "nodes/text/tokenizer.h"
#include "runtime/weights/safetensors.h"
#include "tests/nodes/models/run_node.h"
#include "tests/nodes/text/tokenizer_folder.h"

namespace weft {

NodeType LoadEmbeddingNode();
NodeType ApplyTextualInversionNode();

namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kVocabulary = 516;  // of the small tokenizer
constexpr int64_t kWidth = 8;

Tensor Random(const Shape& shape, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 0.5f);
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  for (float& value : values) value = normal(random);
  return MadeOf(shape, values);
}

// A text encoder of one layer whose table goes on with `more` rows.
std::shared_ptr<const ClipTextEncoder> SmallClip(const Tensor& more = {}) {
  ClipTextConfig config;
  config.vocabulary = kVocabulary + (more.empty() ? 0 : more.dim(0));
  config.width = kWidth;
  config.inner_width = 2 * kWidth;
  config.layers = 1;
  config.heads = 2;
  config.positions = 77;
  config.end_token = 513;
  absl::btree_map<std::string, Tensor> tensors;
  const auto put = [&](const std::string& name, const Shape& shape) {
    tensors[name] = Random(shape, static_cast<uint32_t>(tensors.size()));
  };
  put("embeddings.token_embedding.weight", {kVocabulary, kWidth});
  put("embeddings.position_embedding.weight", {77, kWidth});
  for (const char* name :
       {"final_layer_norm", "encoder.layers.0.layer_norm1", "encoder.layers.0.layer_norm2"}) {
    put(absl::StrCat(name, ".weight"), {kWidth});
    put(absl::StrCat(name, ".bias"), {kWidth});
  }
  for (const char* name : {"q_proj", "k_proj", "v_proj", "out_proj"}) {
    put(absl::StrCat("encoder.layers.0.self_attn.", name, ".weight"), {kWidth, kWidth});
    put(absl::StrCat("encoder.layers.0.self_attn.", name, ".bias"), {kWidth});
  }
  put("encoder.layers.0.mlp.fc1.weight", {2 * kWidth, kWidth});
  put("encoder.layers.0.mlp.fc1.bias", {2 * kWidth});
  put("encoder.layers.0.mlp.fc2.weight", {kWidth, 2 * kWidth});
  put("encoder.layers.0.mlp.fc2.bias", {kWidth});
  if (!more.empty()) {
    const Tensor& table = tensors["embeddings.token_embedding.weight"];
    std::vector<float> rows(table.data<float>(), table.data<float>() + table.numel());
    rows.insert(rows.end(), more.data<float>(), more.data<float>() + more.numel());
    tensors["embeddings.token_embedding.weight"] = MadeOf({config.vocabulary, kWidth}, rows);
  }
  return std::make_shared<const ClipTextEncoder>(
      BindNetwork<ClipText>(config, WeightStore::Of("small clip", std::move(tensors))).value());
}

class TextualInversion : public ::testing::Test {
 protected:
  TextualInversion() {
    folder_.WriteSmallVocabulary();
    tokenizer_ = Tokenizer::Load(folder_.path()).value();
  }
  absl::StatusOr<Value> Load(const std::string& file, const std::string& name, const Tensor& rows) {
    const std::string path = folder_.path() + "/" + file;
    EXPECT_TRUE(WriteSafetensors(path, {{name, rows}}).ok());
    auto values = RunNode(LoadEmbeddingNode(), {{"path", Value(path)}});
    if (!values.ok()) return values.status();
    return values->at("embedding");
  }
  absl::StatusOr<Values> Apply(const Value& embedding, const std::string& token,
                               const Values& parts) {
    Values inputs = parts;
    inputs["embedding"] = embedding;
    inputs["token"] = Value(token);
    return RunNode(ApplyTextualInversionNode(), inputs);
  }
  Values Parts() const {
    return {{"tokenizer", Value(std::shared_ptr<const Object>(tokenizer_))},
            {"clip", Value(std::shared_ptr<const Object>(SmallClip()))}};
  }
  static Tensor Encode(const Values& parts, const std::vector<int32_t>& ids) {
    const auto clip =
        std::static_pointer_cast<const ClipTextEncoder>(parts.at("clip").SharedObject());
    Ops ops = CpuOps();
    const Tensor rows =
        Tensor::Of<int32_t>(Shape{1, static_cast<int64_t>(ids.size())}, ids).value();
    const Tensor hidden = clip->network()(ops, rows, {}).hidden;
    EXPECT_TRUE(ops.status().ok()) << ops.status();
    return hidden;
  }
  static std::vector<int32_t> Ids(const Values& parts, const std::string& text) {
    return std::static_pointer_cast<const Tokenizer>(parts.at("tokenizer").SharedObject())
        ->Encode(text)
        .value()
        .ids;
  }

  TokenizerFolder folder_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

TEST_F(TextualInversion, SeveralVectorsTakeAsManyTokensAndTheirRows) {
  const Tensor first = Random({2, kWidth}, 100);
  const Tensor second = Random({1, kWidth}, 101);
  auto parts = Apply(Load("cat.safetensors", "<cat>", first).value(), "", Parts());
  ASSERT_TRUE(parts.ok()) << parts.status();
  parts = Apply(Load("dog.safetensors", "emb_params", second).value(), "", *parts);
  ASSERT_TRUE(parts.ok()) << parts.status();
  EXPECT_THAT(Ids(*parts, "abc <cat> dog"), ElementsAre(515, 516, 517, 518));
  EXPECT_THAT(Ids(*parts, "<cat>_1"), ElementsAre(517));
  std::vector<float> rows(first.data<float>(), first.data<float>() + first.numel());
  rows.insert(rows.end(), second.data<float>(), second.data<float>() + second.numel());
  const Values whole = {
      {"clip", Value(std::shared_ptr<const Object>(SmallClip(MadeOf({3, kWidth}, rows))))}};
  const std::vector<int32_t> ids = {512, 515, 516, 517, 518, 513};
  EXPECT_EQ(Distance(Encode(*parts, ids), Encode(whole, ids)), 0);
}

TEST_F(TextualInversion, ANameInCapitalsStandsForAllItsVectors) {
  const auto parts =
      Apply(Load("Cat.safetensors", "emb_params", Random({2, kWidth}, 1)).value(), "", Parts());
  ASSERT_TRUE(parts.ok()) << parts.status();
  EXPECT_THAT(Ids(*parts, "Cat"), ElementsAre(516, 517));
  EXPECT_THAT(Ids(*parts, "CAT"), ElementsAre(516, 517));
}

TEST_F(TextualInversion, RefusesAnotherWidthAndNamesBoth) {
  const auto parts =
      Apply(Load("wide.safetensors", "emb_params", Random({1, 12}, 1)).value(), "", Parts());
  ASSERT_FALSE(parts.ok());
  EXPECT_THAT(std::string(parts.status().message()),
              AllOf(HasSubstr("wide.safetensors\" is 12 wide"), HasSubstr("\"small clip\" 8")));
}

TEST_F(TextualInversion, RefusesATokenThatIsThereAlready) {
  const Value embedding = Load("x.safetensors", "emb_params", Random({2, kWidth}, 1)).value();
  const auto of_vocabulary = Apply(embedding, "ab", Parts());
  ASSERT_FALSE(of_vocabulary.ok());
  EXPECT_THAT(std::string(of_vocabulary.status().message()), HasSubstr("a token \"ab\" already"));
  const auto once = Apply(embedding, "<x>", Parts());
  ASSERT_TRUE(once.ok()) << once.status();
  const auto twice = Apply(embedding, "<x>", *once);
  ASSERT_FALSE(twice.ok());
  EXPECT_THAT(std::string(twice.status().message()), HasSubstr("a token \"<x>\" already"));
}

TEST_F(TextualInversion, RefusesAFileOfTheFirstEncoderAloneForTheSecond) {
  const Value embedding = Load("l.safetensors", "clip_l", Random({1, kWidth}, 1)).value();
  Values parts = Parts();
  const auto values =
      Apply(embedding, "<l>", {{"tokenizer_2", parts["tokenizer"]}, {"clip_2", parts["clip"]}});
  ASSERT_FALSE(values.ok());
  EXPECT_THAT(std::string(values.status().message()), HasSubstr("no vectors for \"clip_2\""));
}

TEST_F(TextualInversion, RefusesFilesThatAreNoEmbedding) {
  const auto values = Load("lora.safetensors", "x", Random({1, 2, 3}, 1));
  ASSERT_FALSE(values.ok());
  EXPECT_THAT(std::string(values.status().message()), HasSubstr("expected [vectors, width]"));
}

}  // namespace
}  // namespace weft
