#include "runtime/weights/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/runtime/base/scratch_folder.h"
#include "tests/runtime/weights/file_bytes.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::string Npy(std::string header, const std::string& data) {
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size() & 0xff) +
         static_cast<char>(header.size() >> 8) + header + data;
}
std::string Header(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}
std::string ErrorOf(const std::string& bytes) {
  const ScratchFolder folder;
  const auto tensor = ReadNpy(folder.Put("bad.npy", bytes));
  if (tensor.ok()) return "no error";
  EXPECT_THAT(std::string(tensor.status().message()), HasSubstr("bad.npy\": "));
  return std::string(tensor.status().message());
}
Tensor Read(const std::string& bytes) {
  const ScratchFolder folder;
  auto tensor = ReadNpy(folder.Put("good.npy", bytes));
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  return tensor.ok() ? *std::move(tensor) : *Tensor::Of<float>(Shape{0}, {});
}

TEST(Npy, ReadsFloatsInCOrder) {
  const Tensor tensor = Read(Npy(Header("<f4", "False", "(2, 2)"), BytesOf<float>({1, 2, 3, 4})));
  EXPECT_EQ(tensor.shape(), (Shape{2, 2}));
  EXPECT_THAT(tensor.span<float>(), ElementsAre(1, 2, 3, 4));
}

TEST(Npy, ReadsFortranOrder) {
  const Tensor tensor =
      Read(Npy(Header("<i4", "True", "(2, 3)"), BytesOf<int32_t>({1, 4, 2, 5, 3, 6})));
  EXPECT_THAT(tensor.span<int32_t>(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Npy, ReadsBigEndianNumbersAndDoubles) {
  EXPECT_THAT(
      Read(Npy(Header(">i2", "False", "(2,)"), std::string("\x01\x02\xff\xff", 4))).span<int32_t>(),
      ElementsAre(258, -1));
  EXPECT_THAT(Read(Npy(Header("<f8", "False", "(1,)"), BytesOf<double>({0.5}))).span<float>(),
              ElementsAre(0.5f));
}

TEST(Npy, ReadsAScalar) {
  const Tensor tensor = Read(Npy(Header("<i8", "False", "()"), BytesOf<int64_t>({42})));
  EXPECT_EQ(tensor.rank(), 0);
  EXPECT_EQ(*tensor.data<int64_t>(), 42);
}

TEST(Npy, ReadsBackWhatItWrote) {
  const ScratchFolder folder;
  for (const Shape& shape : {Shape{6}, Shape{2, 3}, Shape{1, 2, 3}}) {
    const Tensor tensor = *Tensor::Of<float>(shape, {1, 2, 3, 4, 5, 6});
    ASSERT_TRUE(WriteNpy(folder / "a.npy", tensor).ok());
    const auto back = ReadNpy(folder / "a.npy");
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->shape(), shape);
    EXPECT_THAT(back->span<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
    // NumPy wants its data at a multiple of 64 bytes.
    EXPECT_EQ(ReadNpyHeader(folder / "a.npy")->data_begin % 64, 0u);
  }
}

TEST(Npy, RejectsAFileOfAnotherKind) {
  EXPECT_THAT(ErrorOf("PK\x03\x04 a zip of arrays"), HasSubstr("is not an npy file"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("is not an npy file"));
}

TEST(Npy, RejectsAnUnknownVersion) {
  EXPECT_THAT(ErrorOf(std::string("\x93NUMPY\x09\x00\x00\x00", 10)),
              EndsWith("is an npy file of unknown version 9"));
}

TEST(Npy, RejectsAHeaderThatIsCutShort) {
  EXPECT_THAT(ErrorOf(std::string("\x93NUMPY\x01\x00\x76\x00{", 11)),
              EndsWith("is truncated: its npy header is not complete"));
}

TEST(Npy, RejectsAHugeHeader) {
  EXPECT_THAT(ErrorOf(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12)),
              HasSubstr("says that its npy header has 4294967295 bytes"));
}

TEST(Npy, RejectsAHeaderThatIsNoDict) {
  EXPECT_THAT(ErrorOf(Npy("__import__('os')", "")),
              HasSubstr("the header is malformed: expected {"));
}

TEST(Npy, RejectsAHeaderWithoutShape) {
  EXPECT_THAT(ErrorOf(Npy("{'descr': '<f4', 'fortran_order': False}", "")),
              EndsWith("the header lacks \"shape\""));
}

TEST(Npy, RejectsAKeyGivenTwice) {
  EXPECT_THAT(ErrorOf(Npy("{'descr': '<f4', 'descr': '<f4'}", "")),
              EndsWith("the header has \"descr\" twice"));
}

TEST(Npy, RejectsPythonObjects) {
  EXPECT_THAT(ErrorOf(Npy(Header("|O", "False", "(1,)"), "x")),
              EndsWith("the array holds Python objects, which are never read"));
}

TEST(Npy, RejectsRecordsAndComplexNumbers) {
  EXPECT_THAT(ErrorOf(Npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "")),
              HasSubstr("records with fields"));
  EXPECT_THAT(ErrorOf(Npy(Header("<c8", "False", "(1,)"), "12345678")),
              HasSubstr("the array's type is \"<c8\""));
}

TEST(Npy, RejectsNegativeAndOverflowingShapes) {
  EXPECT_THAT(ErrorOf(Npy(Header("<f4", "False", "(-2,)"), "")), HasSubstr("negative extent"));
  EXPECT_THAT(ErrorOf(Npy(Header("<f4", "False", "(4611686018427387904, 4)"), "")),
              HasSubstr("too large to address"));
  EXPECT_THAT(ErrorOf(Npy(Header("<f4", "False", "(99999999999999999999,)"), "")),
              HasSubstr("expected an extent"));
}

TEST(Npy, SurvivesChangedBytes) {
  // Whatever it says: nothing outside the file may be touched. Sanitizers watch.
  const std::string whole = Npy(Header("<f4", "True", "(2, 2)"), BytesOf<float>({1, 2, 3, 4}));
  uint32_t random = 1;
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string bytes = whole;
    random = random * 1664525u + 1013904223u;
    bytes[(random >> 8) % bytes.size()] = static_cast<char>(random >> 24);
    refused += ErrorOf(bytes) != "no error" ? 1 : 0;
  }
  EXPECT_GT(refused, 100);
}

TEST(Npy, RejectsTooFewAndTooManyBytes) {
  EXPECT_THAT(ErrorOf(Npy(Header("<f4", "False", "(3,)"), "12345678")),
              EndsWith("is truncated: shape [3] takes 12 bytes, but the file holds 8"));
  EXPECT_THAT(ErrorOf(Npy(Header("<f4", "False", "(1,)"), "12345678")),
              EndsWith("holds too much: shape [1] takes 4 bytes, but the file holds 8"));
}

}  // namespace
}  // namespace weft
