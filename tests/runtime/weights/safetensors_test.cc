#include "runtime/weights/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "tests/runtime/base/scratch_folder.h"
#include "tests/runtime/weights/file_bytes.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// What opening a file of these bytes says.
std::string ErrorOfBytes(const std::string& bytes) {
  const auto file = OpenSafetensors("bad.safetensors", MappedFile::Of(bytes));
  if (file.ok()) return "no error";
  EXPECT_THAT(std::string(file.status().message()), ::testing::Not(HasSubstr("\n")));
  return std::string(file.status().message());
}
std::string ErrorOf(const std::string& header, size_t data_bytes) {
  return ErrorOfBytes(SafetensorsBytes(header, std::string(data_bytes, '\0')));
}

TEST(Safetensors, ReadsTensorsOfEveryType) {
  const ScratchFolder folder;
  const std::string header =
      R"({"__metadata__": {"format": "pt"},)"
      R"("f32": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},)"
      R"("f64": {"dtype": "F64", "shape": [1], "data_offsets": [8, 16]},)"
      R"("i64": {"dtype": "I64", "shape": [1], "data_offsets": [16, 24]},)"
      R"("u32": {"dtype": "U32", "shape": [1], "data_offsets": [24, 28]},)"
      R"("i16": {"dtype": "I16", "shape": [1], "data_offsets": [28, 30]},)"
      R"("bf16": {"dtype": "BF16", "shape": [], "data_offsets": [30, 32]},)"
      R"("bool": {"dtype": "BOOL", "shape": [2], "data_offsets": [32, 34]},)"
      R"("none": {"dtype": "F32", "shape": [0, 7], "data_offsets": [34, 34]}})";
  const std::string data = BytesOf<float>({1.5f, -2.0f}) + BytesOf<double>({0.25}) +
                           BytesOf<int64_t>({-5}) + BytesOf<uint32_t>({4000000000u}) +
                           BytesOf<int16_t>({-7}) + BytesOf<uint16_t>({0x3fc0}) +
                           BytesOf<uint8_t>({0, 3});
  const auto file = OpenWeightFile(folder.Put("a.safetensors", SafetensorsBytes(header, data)));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->metadata().at("format"), "pt");
  std::map<std::string, Tensor> tensors;
  for (size_t i = 0; i < (*file)->tensors().size(); ++i) {
    auto tensor = (*file)->Read(i);
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    tensors[(*file)->tensors()[i].name] = *tensor;
  }
  EXPECT_THAT(tensors["f32"].span<float>(), ElementsAre(1.5f, -2.0f));
  EXPECT_EQ(tensors["f64"].dtype(), DType::kF32);
  EXPECT_THAT(tensors["f64"].span<float>(), ElementsAre(0.25f));
  EXPECT_THAT(tensors["i64"].span<int64_t>(), ElementsAre(-5));
  EXPECT_THAT(tensors["u32"].span<int64_t>(), ElementsAre(4000000000));
  EXPECT_THAT(tensors["i16"].span<int32_t>(), ElementsAre(-7));
  EXPECT_EQ(tensors["bf16"].rank(), 0);
  EXPECT_EQ(ToFloat(*tensors["bf16"].data<BF16>()), 1.5f);
  EXPECT_THAT(tensors["bool"].span<uint8_t>(), ElementsAre(0, 1));
  EXPECT_EQ(tensors["none"].numel(), 0);
}

TEST(Safetensors, ReadsTensorsThatLieAtOddAddresses) {
  const ScratchFolder folder;
  const std::string header = R"({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},)"
                             R"("b": {"dtype": "F32", "shape": [1], "data_offsets": [1, 5]}})";
  const auto file = OpenWeightFile(
      folder.Put("a.safetensors", SafetensorsBytes(header, "x" + BytesOf<float>({3.25f}))));
  ASSERT_TRUE(file.ok()) << file.status();
  const auto tensor = (*file)->Read(1);
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->raw()) % 4, 0u);
  EXPECT_THAT(tensor->span<float>(), ElementsAre(3.25f));
}

TEST(Safetensors, KeepsTheMappingAliveForItsTensors) {
  const ScratchFolder folder;
  Tensor tensor;
  {
    const auto file = OpenWeightFile(folder.Put(
        "a.safetensors",
        SafetensorsBytes(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}   )",
                         BytesOf<float>({7.0f}))));
    ASSERT_TRUE(file.ok()) << file.status();
    tensor = *(*file)->Read(0);
  }
  EXPECT_EQ(*tensor.data<float>(), 7.0f);
  EXPECT_FALSE(tensor.unique());  // foreign memory is never written to
}

TEST(Safetensors, ReadsBackWhatItWrote) {
  const ScratchFolder folder;
  const Tensor a = *Tensor::Of<float>(Shape{2, 2}, {1, 2, 3, 4});
  const Tensor b = *Tensor::Of<int32_t>(Shape{3}, {7, 8, 9});
  const std::string path = folder / "out.safetensors";
  ASSERT_TRUE(WriteSafetensors(path, {{"a", a}, {"b \"x\"", b}}, {{"k", "v"}}).ok());
  EXPECT_EQ(folder.CountFiles(), 1);
  const auto file = OpenWeightFile(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->metadata().at("k"), "v");
  ASSERT_EQ((*file)->tensors().size(), 2u);
  EXPECT_EQ((*file)->tensors()[1].name, "b \"x\"");
  EXPECT_EQ((*file)->Read(0)->shape(), (Shape{2, 2}));
  EXPECT_THAT((*file)->Read(0)->span<float>(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT((*file)->Read(1)->span<int32_t>(), ElementsAre(7, 8, 9));
}

TEST(Safetensors, RefusesToWriteATensorWithoutMemory) {
  const ScratchFolder folder;
  const Tensor meta = *Tensor::Allocate(Allocator(Device::kMeta), DType::kF32, Shape{4});
  const absl::Status status = WriteSafetensors(folder / "out.safetensors", {{"a", meta}});
  EXPECT_THAT(std::string(status.message()), EndsWith("tensor \"a\" has no data to write"));
  EXPECT_EQ(folder.CountFiles(), 0);
}

TEST(Safetensors, NamesAFileThatIsMissing) {
  const auto file = OpenWeightFile("/nowhere/unet.safetensors");
  EXPECT_EQ(file.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(file.status().message()),
              StartsWith("\"/nowhere/unet.safetensors\": cannot be opened: "));
}

TEST(Safetensors, RejectsAFolder) {
  const ScratchFolder folder;
  EXPECT_THAT(std::string(OpenWeightFile(folder.path()).status().message()),
              EndsWith("is a folder, not a file"));
}

TEST(Safetensors, RejectsAnEmptyFile) { EXPECT_THAT(ErrorOfBytes(""), EndsWith("is empty")); }

TEST(Safetensors, RejectsAFileShorterThanItsLengthField) {
  EXPECT_THAT(ErrorOfBytes("abc"), HasSubstr("too short to be a safetensors file: 3 bytes"));
}

TEST(Safetensors, RejectsAHeaderLengthPastTheFile) {
  EXPECT_THAT(ErrorOfBytes(std::string("\x40\0\0\0\0\0\0\0{}", 10)),
              EndsWith("is truncated: its header has 64 bytes, but the file has 10"));
}

TEST(Safetensors, RejectsAHeaderLengthOfZero) {
  EXPECT_THAT(ErrorOfBytes(std::string(64, '\0')), HasSubstr("its header has 0 bytes"));
}

TEST(Safetensors, RejectsAHeaderLengthOf64Bits) {
  EXPECT_THAT(ErrorOfBytes(std::string(8, '\xff') + "{}"),
              HasSubstr("its header would have 18446744073709551615 bytes"));
}

TEST(Safetensors, RejectsAHeaderThatIsNotJson) {
  EXPECT_THAT(ErrorOf("{\"a\": nonsense}", 0), HasSubstr("the header: line 1, column "));
}

TEST(Safetensors, RejectsAHeaderThatIsCutShort) {
  EXPECT_THAT(ErrorOf(R"({"a": {"dtype": "F32")", 0), HasSubstr("unexpected end of input"));
}

TEST(Safetensors, RejectsAHeaderThatIsNoObject) {
  EXPECT_THAT(ErrorOf("[1, 2]", 0), EndsWith("the header is not a JSON object"));
}

TEST(Safetensors, RejectsAHeaderNestedToExhaustTheStack) {
  EXPECT_THAT(ErrorOf(std::string(200000, '['), 0), HasSubstr("nested deeper than 8 levels"));
}

TEST(Safetensors, RejectsBytesThatAreNoUtf8) {
  EXPECT_THAT(ErrorOf("{\"\xff\xfe\": {}}", 0), HasSubstr("invalid"));
}

TEST(Safetensors, RejectsANameGivenTwice) {
  const std::string entry = R"({"dtype": "F32", "shape": [1], "data_offsets": [0, 4]})";
  EXPECT_THAT(ErrorOf("{\"w\": " + entry + ", \"w\": " + entry + "}", 4),
              HasSubstr("duplicate key \"w\""));
}

TEST(Safetensors, RejectsATensorThatReachesPastTheFile) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})", 4),
              EndsWith("tensor \"w\" ends at byte 8 of the data, but the file holds only 4: "
                       "is it truncated?"));
}

TEST(Safetensors, RejectsBytesAfterTheLastTensor) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})", 9),
              EndsWith("holds 5 bytes after its last tensor, which belong to none"));
}

TEST(Safetensors, RejectsTensorsThatOverlap) {
  EXPECT_THAT(ErrorOf(R"({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},)"
                      R"("b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]}})",
                      6),
              EndsWith("tensor \"b\": its data begins at 2, within that of \"a\", which ends at "
                       "4"));
}

TEST(Safetensors, RejectsAGapBetweenTensors) {
  EXPECT_THAT(ErrorOf(R"({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},)"
                      R"("b": {"dtype": "U8", "shape": [4], "data_offsets": [6, 10]}})",
                      10),
              HasSubstr("tensor \"b\": its data begins at 6, but the data before it ends at 4"));
}

TEST(Safetensors, RejectsAShapeThatDoesNotFitItsBytes) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F16", "shape": [3, 5], "data_offsets": [0, 60]}})", 60),
              EndsWith("tensor \"w\": its shape [3, 5] of F16 takes 30 bytes, but its offsets "
                       "give it 60"));
}

TEST(Safetensors, RejectsANegativeExtent) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}})", 4),
              EndsWith("tensor \"w\": its shape has a negative extent, -1"));
}

TEST(Safetensors, RejectsAFractionalExtent) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}})", 4),
              HasSubstr("not a whole number"));
}

TEST(Safetensors, RejectsAShapeWhoseProductOverflows) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F32", "shape": [4294967296, 4294967296], )"
                      R"("data_offsets": [0, 0]}})",
                      0),
              HasSubstr("[4294967296, 4294967296] is too large to address"));
}

TEST(Safetensors, RejectsAHugeExtentBesideAnExtentOfZero) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F32", "shape": [4611686018427387904, 8, 0], )"
                      R"("data_offsets": [0, 0]}})",
                      0),
              HasSubstr("is too large to address"));
}

TEST(Safetensors, RejectsAnExtentBeyondSignedNumbers) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F32", "shape": [18446744073709551615], )"
                      R"("data_offsets": [0, 4]}})",
                      4),
              HasSubstr("extent of 18446744073709551615, too large"));
}

TEST(Safetensors, RejectsHundredsOfExtents) {
  std::string shape = "1";
  for (int i = 0; i < 300; ++i) shape += ",1";
  EXPECT_THAT(
      ErrorOf("{\"w\": {\"dtype\": \"U8\", \"shape\": [" + shape + "], \"data_offsets\": [0, 1]}}",
              1),
      HasSubstr("its shape has 301 extents"));
}

TEST(Safetensors, RejectsOffsetsThatRunBackwards) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F32", "shape": [0], "data_offsets": [8, 4]}})", 8),
              EndsWith("tensor \"w\": its data ends at 4, before it begins at 8"));
}

TEST(Safetensors, RejectsNegativeOffsets) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}})", 0),
              EndsWith("its \"data_offsets\" are not two whole numbers from 0 up"));
}

TEST(Safetensors, RejectsOneOffsetAlone) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F32", "shape": [1], "data_offsets": [4]}})", 4),
              HasSubstr("are not two whole numbers"));
}

TEST(Safetensors, RejectsATypeItDoesNotKnowAndListsThoseItDoes) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}})", 1),
              AllOf(HasSubstr("tensor \"w\": its type is \"F8_E4M3\", which is none of: F64, F32"),
                    EndsWith("BOOL")));
}

TEST(Safetensors, RejectsATypeThatIsNoText) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": 5, "shape": [1], "data_offsets": [0, 4]}})", 4),
              EndsWith("its \"dtype\" is not a text"));
}

TEST(Safetensors, RejectsAnEntryWithoutShape) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "F32", "data_offsets": [0, 4]}})", 4),
              EndsWith("tensor \"w\": its entry lacks \"shape\""));
}

TEST(Safetensors, RejectsAnEntryWithAnUnknownKey) {
  EXPECT_THAT(ErrorOf(R"({"w": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1], "x": 1}})", 1),
              HasSubstr("unknown key \"x\""));
}

TEST(Safetensors, RejectsAnEntryThatIsNoObject) {
  EXPECT_THAT(ErrorOf(R"({"w": [1, 2]})", 0), EndsWith("tensor \"w\": its entry is not an object"));
}

TEST(Safetensors, RejectsMetadataThatIsNotText) {
  EXPECT_THAT(ErrorOf(R"({"__metadata__": {"a": 1}})", 0),
              EndsWith("\"__metadata__\": \"a\" is not a text"));
}

TEST(Safetensors, SurvivesChangedBytesCompressedOrNot) {
  // Whatever it says: nothing outside the file may be touched. Sanitizers watch.
  const ScratchFolder folder;
  const std::string whole =
      SafetensorsBytes(R"({"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},)"
                       R"("b": {"dtype": "I16", "shape": [4], "data_offsets": [24, 32]}})",
                       std::string(32, '\1'));
  const std::string compressed = Zstd(whole);
  uint32_t random = 1;
  int refused = 0, read = 0;
  for (int round = 0; round < 600; ++round) {
    std::string bytes = round % 2 == 0 ? whole : compressed;
    random = random * 1664525u + 1013904223u;
    bytes[(random >> 8) % bytes.size()] = static_cast<char>(random >> 24);
    const auto file =
        OpenWeightFile(folder.Put(round % 2 == 0 ? "a.safetensors" : "a.safetensors.zst", bytes));
    refused += file.ok() ? 0 : 1;
    for (size_t i = 0; file.ok() && i < (*file)->tensors().size(); ++i) {
      const auto tensor = (*file)->Read(i);
      if (!tensor.ok() || tensor->bytes() == 0) continue;
      // Touches the last byte that the tensor claims to have.
      read += std::to_integer<int>(tensor->raw()[tensor->bytes() - 1]) >= 0 ? 1 : 0;
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(read, 100);
}

TEST(Safetensors, QuotesAHostileNameOnOneShortLine) {
  const std::string name = "evil\\n\\u001b[31m" + std::string(5000, 'x');
  const std::string error = ErrorOf("{\"" + name + "\": 3}", 0);
  EXPECT_THAT(error, HasSubstr("tensor \"evil\\n\\x1b[31mxxx"));
  EXPECT_LT(error.size(), 400u);
}

}  // namespace
}  // namespace weft
