#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>

#include "nodes/text/conditioning.h"
#include "runtime/weights/npy.h"
#include "runtime/weights/safetensors.h"
#include "tests/nodes/image/node_runner.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {

NodeType LoadTensorNode();
NodeType SaveTensorNode();

namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class TensorIo : public ::testing::Test {
 protected:
  TensorIo() {
    runner_.environment().graph_folder = folder_.path();
    runner_.environment().output_folder = folder_.path();
  }
  void Put(const std::string& file, const absl::btree_map<std::string, Tensor>& tensors) {
    ASSERT_TRUE(WriteSafetensors(folder_ / file, tensors).ok());
  }
  NodeRunner::Values Inputs(const std::string& path, const std::string& as,
                            const std::string& name) {
    NodeRunner::Values inputs = {{"path", Txt(path)}, {"as", Txt(as)}};
    if (!name.empty()) inputs["name"] = Txt(name);
    return inputs;
  }
  Value Load(const std::string& path, const std::string& as = "tensor",
             const std::string& name = "") {
    const auto inferred = runner_.Infer(LoadTensorNode(), Inputs(path, as, name));
    const auto loaded = runner_.Run(LoadTensorNode(), Inputs(path, as, name));
    EXPECT_TRUE(inferred.ok()) << inferred.status();
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    if (!loaded.ok() || !inferred.ok()) return Value();
    // What a dry run says of it is what comes.
    const Value value = loaded->at("value"), guess = inferred->at("value");
    EXPECT_EQ(value.kind(), guess.kind());
    if (value.AsTensor() != nullptr && guess.AsTensor() != nullptr) {
      EXPECT_TRUE(guess.AsTensor()->is_meta());
      EXPECT_EQ(value.AsTensor()->shape(), guess.AsTensor()->shape());
      EXPECT_EQ(value.AsTensor()->dtype(), guess.AsTensor()->dtype());
    }
    return value;
  }
  std::string ErrorOf(const std::string& path, const std::string& as = "tensor",
                      const std::string& name = "") {
    return runner_.ErrorOf(LoadTensorNode(), Inputs(path, as, name));
  }
  std::string ErrorOfSaving(const Value& value, const std::string& path) {
    return runner_.ErrorOf(SaveTensorNode(), {{"value", value}, {"path", Txt(path)}});
  }

  ScratchFolder folder_;
  NodeRunner runner_;
};

Tensor Floats(Shape shape) {
  std::vector<float> values;
  for (int64_t i = 0; i < shape.numel(); ++i) values.push_back(static_cast<float>(i));
  return Tensor::Of<float>(shape, values).value();
}

TEST_F(TensorIo, LoadsATensorByNameOrTheOnlyOne) {
  Put("two.safetensors", {{"a", Floats({2})}, {"b", Floats({3})}});
  EXPECT_EQ(Load("two.safetensors", "tensor", "b").AsTensor()->shape(), Shape{3});
  Put("one.safetensors", {{"whatever", Floats({4})}});
  EXPECT_EQ(Load("one.safetensors").AsTensor()->shape(), Shape{4});
  Put("value.safetensors", {{"a", Floats({2})}, {"value", Floats({5})}});
  EXPECT_EQ(Load("value.safetensors").AsTensor()->shape(), Shape{5});
}

TEST_F(TensorIo, LoadsTokensOfAnyWholeNumbers) {
  Put("a.safetensors", {{"ids", Tensor::Of<int64_t>(Shape{3}, {49406, 320, 49407}).value()}});
  const Value tokens = Load("a.safetensors", "tokens");
  EXPECT_EQ(tokens.AsTensor()->shape(), (Shape{1, 3}));
  EXPECT_THAT(tokens.AsTensor()->span<int32_t>(), ElementsAre(49406, 320, 49407));
}

TEST_F(TensorIo, LoadsAConditioningWithItsPooledEmbedding) {
  Put("a.safetensors", {{"value", Floats({2, 4})}, {"pooled", Floats({6})}});
  const Value value = Load("a.safetensors", "conditioning");
  ASSERT_EQ(value.kind(), "conditioning");
  const auto& entries = static_cast<const Conditioning*>(value.AsObject())->entries();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].tokens.shape(), (Shape{1, 2, 4}));
  EXPECT_EQ(entries[0].pooled.shape(), (Shape{1, 6}));
  EXPECT_EQ(value.AsObject()->traits().at("width"), 4);
}

TEST_F(TensorIo, LoadsLatentsAndImagesOfThreeAxes) {
  Put("a.safetensors", {{"latent", Floats({4, 2, 3})}, {"image", Floats({2, 5, 3})}});
  EXPECT_EQ(Load("a.safetensors", "latent", "latent").AsTensor()->shape(), (Shape{1, 4, 2, 3}));
  EXPECT_EQ(Load("a.safetensors", "image", "image").AsTensor()->shape(), (Shape{1, 2, 5, 3}));
}

TEST_F(TensorIo, LoadsNpy) {
  ASSERT_TRUE(WriteNpy(folder_ / "a.npy", Floats({1, 4, 2, 2})).ok());
  EXPECT_EQ(Load("a.npy", "latent").AsTensor()->shape(), (Shape{1, 4, 2, 2}));
}

TEST_F(TensorIo, SavesAndLoadsEachKind) {
  const auto save = [&](const Value& value, const std::string& path) {
    const auto saved = runner_.Run(SaveTensorNode(), {{"value", value}, {"path", Txt(path)}});
    EXPECT_TRUE(saved.ok()) << saved.status();
  };
  save(Value(Floats({2, 3})), "t.safetensors");
  EXPECT_THAT(Load("t.safetensors").AsTensor()->span<float>(), ElementsAre(0, 1, 2, 3, 4, 5));
  save(Value(Floats({2, 3})), "sub/t.npy");
  EXPECT_THAT(Load("sub/t.npy").AsTensor()->span<float>(), ElementsAre(0, 1, 2, 3, 4, 5));
  Conditioning::Entry entry;
  entry.tokens = Floats({1, 2, 3});
  entry.pooled = Floats({1, 5});
  const Value conditioning(std::shared_ptr<const Object>(
      std::make_shared<Conditioning>(std::vector<Conditioning::Entry>{entry})));
  save(conditioning, "c.safetensors");
  const Value back = Load("c.safetensors", "conditioning");
  const auto& entries = static_cast<const Conditioning*>(back.AsObject())->entries();
  EXPECT_EQ(entries[0].pooled.shape(), (Shape{1, 5}));
  save(Value(List{Value(Floats({1})), Value(Floats({2}))}), "l.safetensors");
  EXPECT_EQ(Load("l.safetensors", "tensor", "value.1").AsTensor()->shape(), Shape{2});
  EXPECT_THAT(ErrorOfSaving(conditioning, "c.npy"), HasSubstr("holds one tensor, but there are 2"));
}

TEST_F(TensorIo, NamesTheNearestTensor) {
  Put("a.safetensors", {{"latent", Floats({1})}, {"noise", Floats({1})}});
  EXPECT_THAT(ErrorOf("a.safetensors", "tensor", "latnet"),
              EndsWith("a.safetensors\": holds no tensor \"latnet\"; did you mean \"latent\"?"));
  EXPECT_THAT(ErrorOf("a.safetensors"),
              EndsWith("holds 2 tensors; say which with \"name\"; there are: latent, noise"));
}

TEST_F(TensorIo, RejectsAMissingFile) {
  EXPECT_THAT(ErrorOf("gone.safetensors"), HasSubstr("\"gone.safetensors\" was not found"));
}

TEST_F(TensorIo, RejectsAFileOfAnotherKind) {
  folder_.Put("a.pt", "x");
  EXPECT_THAT(ErrorOf("a.pt"), EndsWith("tensors are read from .safetensors, .safetensors.zst and "
                                        ".npy"));
}

TEST_F(TensorIo, RejectsANameForANpyFile) {
  ASSERT_TRUE(WriteNpy(folder_ / "a.npy", Floats({1})).ok());
  EXPECT_THAT(ErrorOf("a.npy", "tensor", "x"), HasSubstr("holds one tensor without a name"));
}

TEST_F(TensorIo, RejectsShapesThatDoNotFitTheKind) {
  Put("a.safetensors", {{"value", Floats({2, 3})}});
  EXPECT_THAT(ErrorOf("a.safetensors", "latent"),
              EndsWith("a latent is [c, h, w] or [b, c, h, w] of floats, not [2, 3] f32"));
  EXPECT_THAT(ErrorOf("a.safetensors", "tokens"),
              EndsWith("tokens are whole numbers [n] or [b, n], not [2, 3] f32"));
  EXPECT_THAT(ErrorOf("a.safetensors", "image"), HasSubstr("an image is [h, w, c]"));
  Put("b.safetensors", {{"value", Floats({2})}});
  EXPECT_THAT(ErrorOf("b.safetensors", "conditioning"),
              HasSubstr("a conditioning is [n, width] or [b, n, width]"));
}

TEST_F(TensorIo, RejectsIdsThatAreNoTokens) {
  Put("a.safetensors", {{"value", Tensor::Of<int64_t>(Shape{2}, {1, -1}).value()}});
  EXPECT_THAT(ErrorOf("a.safetensors", "tokens"), EndsWith("holds -1, which is no token id"));
}

TEST_F(TensorIo, RejectsAPooledEmbeddingOfAnotherBatch) {
  Put("a.safetensors", {{"value", Floats({1, 2, 4})}, {"pooled", Floats({2, 6})}});
  EXPECT_THAT(ErrorOf("a.safetensors", "conditioning"),
              EndsWith("\"pooled\" has shape [2, 6], expected [1, width]"));
}

TEST_F(TensorIo, RejectsNanInEitherFormat) {
  const Tensor nan = *Tensor::Of<float>(Shape{2}, {1.0f, std::nanf("")});
  Put("a.safetensors", {{"value", nan}});
  ASSERT_TRUE(WriteNpy(folder_ / "a.npy", nan).ok());
  EXPECT_THAT(ErrorOf("a.safetensors"), EndsWith("tensor \"value\": holds NaN at element 1 of 2"));
  EXPECT_THAT(ErrorOf("a.npy"), EndsWith("holds NaN or infinity at element 1"));
}

TEST_F(TensorIo, RejectsValuesThatCannotBeSaved) {
  EXPECT_THAT(ErrorOfSaving(Value(List{Value(Record{})}), "a.safetensors"),
              HasSubstr("expects tensors, but gets a list that holds record"));
  const Value two(std::shared_ptr<const Object>(
      std::make_shared<Conditioning>(std::vector<Conditioning::Entry>(2))));
  EXPECT_THAT(ErrorOfSaving(two, "a.safetensors"),
              HasSubstr("a conditioning of one entry, but this one has 2"));
  EXPECT_THAT(ErrorOfSaving(Value(Floats({1})), "a.bin"),
              HasSubstr("tensors are saved as .safetensors or .npy"));
  EXPECT_EQ(folder_.CountFiles(), 0);
}

TEST_F(TensorIo, ReportsAFullDisk) {
  std::filesystem::create_symlink("/dev/full", folder_ / "a.safetensors");
  runner_.environment().allow_outside_paths = true;
  EXPECT_THAT(ErrorOfSaving(Value(Floats({4})), "a.safetensors"),
              EndsWith("a.safetensors\": cannot be written: No space left on device"));
}

}  // namespace
}  // namespace weft
