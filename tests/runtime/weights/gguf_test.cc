#include "runtime/weights/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/runtime/base/scratch_folder.h"
#include "tests/runtime/weights/torch_bytes.h"
#include "tests/runtime/weights/weight_goldens.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string Text(const std::string& text) { return Number<uint64_t>(text.size()) + text; }

std::string Start(uint64_t tensors, uint64_t values, uint32_t version = 3) {
  return "GGUF" + Number(version) + Number(tensors) + Number(values);
}

std::string Described(const std::string& name, const std::vector<uint64_t>& extents, uint32_t type,
                      uint64_t offset) {
  return Text(name) + Number(static_cast<uint32_t>(extents.size())) + BytesOf(extents) +
         Number(type) + Number(offset);
}

std::string Aligned(std::string header, const std::string& data) {
  header.resize((header.size() + 31) / 32 * 32, '\0');
  return header + data;
}

std::string ErrorOf(const std::string& bytes) {
  const auto file = OpenWeightFile("bad.gguf", MappedFile::Of(bytes));
  return file.ok() ? "no error" : std::string(file.status().message());
}

TEST(Gguf, GivesTheBitsOfTheGgufPackage) {
  ExpectSameTensors(WeightGolden("types.gguf"), WeightGolden("types.gguf.safetensors"));
}

TEST(Gguf, ReadsVersion2Too) {
  std::string bytes = ScratchFolder::Contents(WeightGolden("types.gguf"));
  bytes[4] = 2;
  const ScratchFolder folder;
  ExpectSameTensors(folder.Put("two.gguf", bytes), WeightGolden("types.gguf.safetensors"));
}

TEST(Gguf, ListsTypesAndMetadata) {
  const auto file = OpenWeightFile(WeightGolden("types.gguf"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->format(), "GGUF");
  EXPECT_THAT((*file)->metadata(),
              AllOf(Contains(Pair("general.architecture", "sd1")),
                    Contains(Pair("general.name", "types")), Contains(Pair("sizes", "[1, 2, 3]"))));
  const auto tensor = std::find_if((*file)->tensors().begin(), (*file)->tensors().end(),
                                   [](const StoredTensor& t) { return t.name == "Q4_K"; });
  ASSERT_NE(tensor, (*file)->tensors().end());
  EXPECT_EQ(tensor->type, "Q4_K");
  EXPECT_EQ(tensor->dtype, DType::kF32);
  EXPECT_EQ(tensor->bytes, 3u * 144u);
}

TEST(Gguf, NamesATypeThatIsNotRead) {
  EXPECT_THAT(ErrorOf(Aligned(Start(1, 0) + Described("w", {256}, 10, 0), std::string(84, '\0'))),
              AllOf(HasSubstr("tensor \"w\": its type is Q2_K"), HasSubstr("Q4_K, Q5_K, Q6_K")));
  EXPECT_THAT(ErrorOf(Aligned(Start(1, 0) + Described("w", {256}, 4242, 0), "")),
              HasSubstr("its type is number 4242"));
}

TEST(Gguf, RejectsOtherVersionsAndByteOrders) {
  EXPECT_THAT(ErrorOf(Start(0, 0, 1)), EndsWith("neither 2 nor 3: 1"));
  EXPECT_THAT(ErrorOf(Start(0, 0, 0x03000000)), EndsWith("a big-endian GGUF file, which is not "
                                                         "read; version 3"));
}

TEST(Gguf, RejectsDataPastTheFile) {
  const std::string header = Start(1, 0) + Described("w", {4, 2}, 0, 0);
  EXPECT_EQ(ErrorOf(Aligned(header, std::string(32, '\0'))), "no error");
  EXPECT_THAT(ErrorOf(Aligned(header, std::string(31, '\0'))),
              HasSubstr("tensor \"w\": its 32 bytes begin at byte 0 of the data, but the file "
                        "holds only 31"));
}

TEST(Gguf, RejectsTensorsThatOverlap) {
  EXPECT_THAT(ErrorOf(Aligned(Start(2, 0) + Described("a", {16}, 0, 0) + Described("b", {4}, 0, 32),
                              std::string(64, '\0'))),
              HasSubstr("tensor \"b\": its data begins within that of \"a\""));
}

TEST(Gguf, RejectsShapesThatBlocksCannotHold) {
  EXPECT_THAT(ErrorOf(Aligned(Start(1, 0) + Described("w", {16, 2}, 8, 0), std::string(99, '\0'))),
              HasSubstr("its shape [2, 16] cannot be stored as Q8_0"));
  const uint64_t huge = uint64_t{1} << 62;
  EXPECT_THAT(ErrorOf(Aligned(Start(1, 0) + Described("w", {huge, huge}, 8, 0), "")),
              HasSubstr("too large to address"));
}

TEST(Gguf, RejectsCountsThatTheFileCannotHold) {
  EXPECT_THAT(ErrorOf(Start(~uint64_t{0}, 0)), HasSubstr("is truncated"));
  EXPECT_THAT(ErrorOf(Start(0, ~uint64_t{0})), HasSubstr("is truncated"));
  EXPECT_THAT(ErrorOf(Start(0, 1) + Text("list") + Number<uint32_t>(9) + Number<uint32_t>(0) +
                      Number(~uint64_t{0})),
              AllOf(HasSubstr("metadata \"list\""), HasSubstr("is truncated")));
}

TEST(Gguf, RejectsAnAlignmentThatIsNoPowerOfTwo) {
  EXPECT_THAT(
      ErrorOf(Start(0, 1) + Text("general.alignment") + Number<uint32_t>(4) + Number<uint32_t>(24)),
      HasSubstr("its alignment is \"24\""));
}

}  // namespace
}  // namespace weft
