#include "runtime/weights/weight_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/file.h"
#include "runtime/weights/safetensors.h"
#include "tests/runtime/base/scratch_folder.h"
#include "tests/runtime/weights/file_bytes.h"
#include "tests/runtime/weights/weight_goldens.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

void PutOne(const ScratchFolder& folder, const std::string& file, const std::string& tensor,
            float value) {
  const Tensor one = *Tensor::Of<float>(Shape{1}, {value});
  ASSERT_TRUE(WriteSafetensors(folder / file, {{tensor, one}}).ok());
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(WeightStore, ListsTensorsWithTypesAndShapesFromTheHeader) {
  const ScratchFolder folder;
  PutOne(folder, "a.safetensors", "w", 2.5f);
  const auto store = WeightStore::Open(folder / "a.safetensors");
  ASSERT_TRUE(store.ok()) << store.status();
  const Weight& weight = (*store)->weights().at("w");
  EXPECT_EQ(weight.dtype(), DType::kF32);
  EXPECT_EQ(weight.shape(), Shape{1});
  EXPECT_THAT(weight.Read()->span<float>(), ElementsAre(2.5f));
  EXPECT_EQ((*store)->Find("v"), nullptr);
}

TEST(WeightStore, FindsEachNamingOfAPart) {
  for (const std::string name : {"model.safetensors", "model.safetensors.zst",
                                 "model.fp16.safetensors", "model.fp16.safetensors.zst"}) {
    const ScratchFolder folder;
    PutOne(folder, "plain.safetensors", "w", 1.0f);
    const std::string bytes = ScratchFolder::Contents(folder / "plain.safetensors");
    folder.Put(name, name.back() == 't' ? Zstd(bytes) : bytes);
    const auto store = WeightStore::OpenFolder(folder.path(), "model");
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ((*store)->path(), folder / name);
    EXPECT_THAT((*store)->weights().at("w").Read()->span<float>(), ElementsAre(1.0f));
  }
}

TEST(WeightStore, SaysWhatItLookedForInAnEmptyFolder) {
  const ScratchFolder folder;
  const auto store = WeightStore::OpenFolder(folder.path(), "diffusion_pytorch_model");
  EXPECT_EQ(store.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(store.status()),
              AllOf(HasSubstr(folder.path()), HasSubstr("diffusion_pytorch_model.safetensors, "),
                    HasSubstr("diffusion_pytorch_model.fp16.safetensors.zst"),
                    HasSubstr("diffusion_pytorch_model.fp16.bin"), EndsWith("a .gguf file")));
}

TEST(WeightStore, TakesPicklesWhereThereAreNoSafetensors) {
  const std::string pickle = ScratchFolder::Contents(WeightGolden("parameters.pt"));
  for (const auto& [stem, name] : std::vector<std::pair<std::string, std::string>>{
           {"model", "pytorch_model.bin"},
           {"model", "pytorch_model.fp16.bin"},
           {"diffusion_pytorch_model", "diffusion_pytorch_model.bin"},
           {"diffusion_pytorch_model", "diffusion_pytorch_model.fp16.bin"}}) {
    const ScratchFolder folder;
    folder.Put(name, pickle);
    const auto store = WeightStore::OpenFolder(folder.path(), stem);
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ((*store)->path(), folder / name);
    EXPECT_NE((*store)->Find("w"), nullptr) << name;
    PutOne(folder, stem + ".fp16.safetensors", "preferred", 1.0f);
    EXPECT_NE((*WeightStore::OpenFolder(folder.path(), stem))->Find("preferred"), nullptr) << name;
  }
}

TEST(WeightStore, JoinsShardsOfPickles) {
  const ScratchFolder folder;
  folder.Put("pytorch_model-1.bin", ScratchFolder::Contents(WeightGolden("parameters.pt")));
  folder.Put("pytorch_model-2.bin", ScratchFolder::Contents(WeightGolden("single_legacy.pt")));
  folder.Put("pytorch_model.bin.index.json",
             R"({"weight_map": {"w": "pytorch_model-1.bin", "value": "pytorch_model-2.bin"}})");
  const auto store = WeightStore::OpenFolder(folder.path(), "model");
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->weights().size(), 2u);
  EXPECT_EQ((*store)->files().size(), 2u);
}

TEST(WeightStore, TakesTheOnlyGgufOfAFolder) {
  const ScratchFolder folder;
  const std::string gguf = ScratchFolder::Contents(WeightGolden("types.gguf"));
  folder.Put("sd-q8.gguf", gguf);
  const auto store = WeightStore::OpenFolder(folder.path(), "model");
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_NE((*store)->Find("Q6_K"), nullptr);
  folder.Put("sd-q4.gguf", gguf);
  EXPECT_THAT(Message(WeightStore::OpenFolder(folder.path(), "model").status()),
              HasSubstr("several GGUF files, sd-q4.gguf, sd-q8.gguf"));
}

TEST(WeightStore, JoinsShards) {
  const ScratchFolder folder;
  PutOne(folder, "model-1.safetensors", "a", 1.0f);
  PutOne(folder, "model-2.safetensors", "b", 2.0f);
  folder.Put("model.safetensors.index.json",
             R"({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})");
  const auto store = WeightStore::OpenFolder(folder.path(), "model");
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_THAT((*store)->weights().at("a").Read()->span<float>(), ElementsAre(1.0f));
  EXPECT_THAT((*store)->weights().at("b").Read()->span<float>(), ElementsAre(2.0f));
}

class Index : public ::testing::Test {
 protected:
  std::string ErrorOf(const std::string& index) {
    folder_.Put("model.safetensors.index.json", index);
    return Message(WeightStore::OpenFolder(folder_.path(), "model").status());
  }
  ScratchFolder folder_;
};

TEST_F(Index, NamesAShardThatIsMissing) {
  EXPECT_THAT(ErrorOf(R"({"weight_map": {"a": "model-1.safetensors"}})"),
              HasSubstr("model-1.safetensors\": cannot be opened"));
}

TEST_F(Index, NamesATensorThatItsShardLacks) {
  PutOne(folder_, "model-1.safetensors", "a", 1.0f);
  EXPECT_THAT(
      ErrorOf(R"({"weight_map": {"b": "model-1.safetensors"}})"),
      EndsWith("tensor \"b\" is not in \"model-1.safetensors\", where the index says it is"));
}

TEST_F(Index, RejectsATensorThatIsInTwoShards) {
  PutOne(folder_, "model-1.safetensors", "a", 1.0f);
  PutOne(folder_, "model-2.safetensors", "a", 1.0f);
  EXPECT_THAT(
      ErrorOf(R"({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})"),
      EndsWith("tensor \"a\" is in another shard as well"));
}

TEST_F(Index, RefusesToLeaveTheFolder) {
  EXPECT_THAT(ErrorOf(R"({"weight_map": {"a": "../other/model.safetensors"}})"),
              HasSubstr("which is not the name of a file beside it"));
}

TEST_F(Index, RejectsAnIndexWithoutAMap) {
  EXPECT_THAT(ErrorOf(R"({"weights": {}})"), EndsWith("has no \"weight_map\" object"));
}

TEST_F(Index, RejectsAMapWithoutEntries) {
  EXPECT_THAT(ErrorOf(R"({"weight_map": {}})"), EndsWith("its \"weight_map\" is empty"));
}

TEST(Weight, RejectsNanAndInfinityInEachFloatType) {
  const ScratchFolder folder;
  const std::string header =
      R"({"nan": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},)"
      R"("inf": {"dtype": "F16", "shape": [2], "data_offsets": [16, 20]},)"
      R"("bf": {"dtype": "BF16", "shape": [1], "data_offsets": [20, 22]},)"
      R"("large": {"dtype": "F32", "shape": [1], "data_offsets": [22, 26]}})";
  const std::string path =
      folder.Put("bad.safetensors",
                 SafetensorsBytes(header, BytesOf<float>({0, 1, std::nanf(""), 2}) +
                                              BytesOf<uint16_t>({0x3c00, 0xfc00}) +
                                              BytesOf<uint16_t>({0x7fc0}) +
                                              BytesOf<float>({std::numeric_limits<float>::max()})));
  const auto store = WeightStore::Open(path);
  ASSERT_TRUE(store.ok()) << store.status();
  const auto error = [&](const std::string& name) {
    return Message((*store)->weights().at(name).Read().status());
  };
  EXPECT_EQ(error("nan"), "\"" + path + "\": tensor \"nan\": holds NaN at element 2 of 4");
  EXPECT_EQ(error("inf"), "\"" + path + "\": tensor \"inf\": holds infinity at element 1 of 2");
  EXPECT_EQ(error("bf"), "\"" + path + "\": tensor \"bf\": holds NaN at element 0 of 1");
  EXPECT_EQ(error("large"), "");
}

TEST(Weight, NamesFileAndTensorWhereReadingFails) {
  const ScratchFolder folder;
  const std::string bytes = SafetensorsBytes(
      R"({"w": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}})", std::string(16, '\0'));
  const std::string path = folder.Put("cut.safetensors.zst", ZstdOfUnknownSize(bytes));
  const auto store = WeightStore::Open(path);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_THAT(Message((*store)->weights().at("w").Read().status()),
              HasSubstr("cut.safetensors.zst\": tensor \"w\": ends after "));
}

TEST(Weight, CannotBeReadWhereThereIsNone) {
  EXPECT_EQ(Weight().Read().status().message(), "there is no such weight to read");
}

TEST(WeightStore, RenamesTensorsOfAnotherDialect) {
  const Tensor one = *Tensor::Of<float>(Shape{1}, {1.0f});
  const auto store = WeightStore::Of("m", {{"text_model.final.weight", one}, {"head.weight", one}});
  const auto renamed = store->Renamed(WithoutPrefix("text_model."));
  ASSERT_TRUE(renamed.ok()) << renamed.status();
  ASSERT_NE((*renamed)->Find("final.weight"), nullptr);
  EXPECT_EQ((*renamed)->Find("final.weight")->name(), "text_model.final.weight");
  EXPECT_NE((*renamed)->Find("head.weight"), nullptr);
}

TEST(WeightStore, RejectsTwoTensorsUnderOneName) {
  const Tensor one = *Tensor::Of<float>(Shape{1}, {1.0f});
  const auto store = WeightStore::Of("m", {{"text_model.w", one}, {"w", one}});
  EXPECT_EQ(Message(store->Renamed(WithoutPrefix("text_model.")).status()),
            "\"m\": tensors \"text_model.w\" and \"w\" both stand for \"w\"");
}

TEST(WeightStore, OpensTheGoldensOfThisRepository) {
  const std::string path = WEFT_SOURCE_DIR "/tests/goldens/randn/randn.safetensors.zst";
  ASSERT_TRUE(FileExists(path)) << path;
  const auto store = WeightStore::Open(path);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_FALSE((*store)->weights().empty());
  for (const auto& [name, weight] : (*store)->weights()) {
    const auto tensor = weight.Read();
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    EXPECT_EQ(tensor->shape(), weight.shape());
  }
}

TEST(FirstNonFinite, FindsOneAtAnyPlaceAndTakesTheLargestNumbersForFinite) {
  const auto check = [](auto bad, auto most, auto least) {
    using Number = decltype(bad);
    constexpr int64_t kCount = 11;  // whole words of 8 bytes and a rest
    std::vector<Number> numbers(kCount, most);
    for (size_t i = 0; i < numbers.size(); i += 2) numbers[i] = least;
    const auto first = [&numbers] {
      return FirstNonFinite(*Tensor::Of(Shape{kCount}, absl::MakeConstSpan(numbers)));
    };
    EXPECT_EQ(first(), -1);
    for (size_t i = 0; i < numbers.size(); ++i) {
      const Number was = std::exchange(numbers[i], bad);
      EXPECT_EQ(first(), static_cast<int64_t>(i));
      numbers[i] = was;
    }
  };
  check(std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max(),
        std::numeric_limits<float>::lowest());
  check(F16{0xfc00}, F16{0x7bff}, F16{0xfbff});
  check(BF16{0xff80}, BF16{0x7f7f}, BF16{0xff7f});
}

}  // namespace
}  // namespace weft
