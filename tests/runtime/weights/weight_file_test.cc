#include "runtime/weights/weight_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/runtime/base/scratch_folder.h"
#include "tests/runtime/weights/file_bytes.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

std::string OneTensor() {
  return SafetensorsBytes(R"({"__metadata__": {"format": "pt"},)"
                          R"("w": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}})",
                          BytesOf<uint16_t>({0x3c00, 0x4000}));
}

TEST(WeightFile, ListsNamesStoredTypesShapesAndMetadata) {
  const auto file = OpenWeightFile("m", MappedFile::Of(OneTensor()));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->format(), "safetensors");
  ASSERT_EQ((*file)->tensors().size(), 1u);
  const StoredTensor& tensor = (*file)->tensors()[0];
  EXPECT_EQ(tensor.name, "w");
  EXPECT_EQ(tensor.type, "F16");
  EXPECT_EQ(tensor.dtype, DType::kF16);
  EXPECT_EQ(tensor.shape, Shape{2});
  EXPECT_EQ(tensor.bytes, 4u);
  EXPECT_THAT((*file)->metadata(), UnorderedElementsAre(Pair("format", "pt")));
}

TEST(WeightFile, KnowsAFileByItsBytesWhateverItsName) {
  const ScratchFolder folder;
  const auto plain = OpenWeightFile(folder.Put("plain.zst", OneTensor()));
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ((*plain)->format(), "safetensors");
  const auto compressed = OpenWeightFile(folder.Put("compressed.bin", Zstd(OneTensor())));
  ASSERT_TRUE(compressed.ok()) << compressed.status();
  EXPECT_EQ((*compressed)->format(), "safetensors, zstd");
}

TEST(WeightFile, NamesAFileThatIsNone) {
  const ScratchFolder folder;
  const std::string path = folder.Put("notes.safetensors", "Dear diary");
  EXPECT_THAT(std::string(OpenWeightFile(path).status().message()),
              AllOf(StartsWith("\"" + path + "\": is no weight file that is known: "),
                    HasSubstr("begins with \"Dear dia\"")));
}

}  // namespace
}  // namespace weft
