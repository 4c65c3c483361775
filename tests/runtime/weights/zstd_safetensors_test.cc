#include "runtime/weights/zstd_safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <random>
#include <string>
#include <vector>

#include "tests/runtime/base/scratch_folder.h"
#include "tests/runtime/weights/file_bytes.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr char kThreeHeader[] = R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},)"
                                R"("b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},)"
                                R"("c": {"dtype": "F32", "shape": [1], "data_offsets": [12, 16]}})";

std::string Three() { return SafetensorsBytes(kThreeHeader, BytesOf<float>({1, 2, 3, 4})); }

// A megabyte of values that do not compress, so that cutting the file cuts its data.
std::string Noise() {
  std::vector<uint32_t> values(1 << 18);
  uint32_t x = 1;
  for (uint32_t& value : values) value = x = x * 1664525u + 1013904223u;
  return SafetensorsBytes(
      R"({"w": {"dtype": "I32", "shape": [262144], "data_offsets": [0, 1048576]}})",
      BytesOf(values));
}

std::string ErrorOf(const std::string& bytes) {
  const auto file = OpenZstdSafetensors("bad.safetensors.zst", MappedFile::Of(bytes));
  if (file.ok()) return "no error";
  return std::string(file.status().message());
}

TEST(ZstdSafetensors, ReadsTensorsInAnyOrderAndAgain) {
  const ScratchFolder folder;
  const auto file = OpenWeightFile(folder.Put("a.safetensors.zst", Zstd(Three())));
  ASSERT_TRUE(file.ok()) << file.status();
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT((*file)->Read(2)->span<float>(), ElementsAre(4));
    EXPECT_THAT((*file)->Read(0)->span<float>(), ElementsAre(1));
    EXPECT_THAT((*file)->Read(1)->span<float>(), ElementsAre(2, 3));
    EXPECT_THAT((*file)->Read(1)->span<float>(), ElementsAre(2, 3));
  }
}

TEST(ZstdSafetensors, ReadsSeveralFramesOfUnknownSize) {
  const ScratchFolder folder;
  const std::string bytes = Three();
  const auto file =
      OpenWeightFile(folder.Put("a.safetensors.zst", ZstdOfUnknownSize(bytes.substr(0, 20)) +
                                                         ZstdOfUnknownSize(bytes.substr(20))));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->Read(2)->span<float>(), ElementsAre(4));
  EXPECT_THAT((*file)->Read(1)->span<float>(), ElementsAre(2, 3));
}

TEST(ZstdSafetensors, PutsAsideWhatIsReadAgain) {
  const ScratchFolder folder;
  const auto file = OpenWeightFile(folder.Put("a.safetensors.zst", Zstd(Three())));
  ASSERT_TRUE(file.ok()) << file.status();
  const Tensor first = *(*file)->Read(0);
  const Tensor second = *(*file)->Read(0);
  const Tensor third = *(*file)->Read(0);
  EXPECT_NE(first.raw(), second.raw());  // memory of its own, which the file did not keep
  EXPECT_EQ(second.raw(), third.raw());  // pages of a temporary file
  EXPECT_THAT((*file)->Read(2)->span<float>(), ElementsAre(4));
}

TEST(ZstdSafetensors, ReadsAgainWhereNothingCanBePutAside) {
  const ScratchFolder folder;
  const auto file = OpenWeightFile(folder.Put("a.safetensors.zst", Zstd(Three())));
  ASSERT_TRUE(file.ok()) << file.status();
  struct rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit none = {0, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  const Tensor first = *(*file)->Read(1);
  const absl::StatusOr<Tensor> second = (*file)->Read(1);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(second->span<float>(), ElementsAre(2, 3));
  EXPECT_NE(first.raw(), second->raw());
}

TEST(ZstdSafetensors, HoldsNoneOfALargeFileInMemory) {
  const ScratchFolder folder;
  constexpr char kLarge[] =
      R"({"a": {"dtype": "U8", "shape": [50331648], "data_offsets": [0, 50331648]},)"
      R"("b": {"dtype": "F32", "shape": [1], "data_offsets": [50331648, 50331652]}})";
  const std::string data = std::string(48 << 20, '\x01') + BytesOf<float>({7});
  const auto file =
      OpenWeightFile(folder.Put("a.safetensors.zst", Zstd(SafetensorsBytes(kLarge, data))));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->Read(1)->span<float>(), ElementsAre(7));
  const Tensor a = *(*file)->Read(0);
  EXPECT_FALSE(a.unique());  // the pages of a file
  EXPECT_EQ(a.raw()[12345], std::byte{1});
}

TEST(ZstdSafetensors, RejectsAnEmptyFile) { EXPECT_THAT(ErrorOf(""), EndsWith("is empty")); }

TEST(ZstdSafetensors, RejectsDataThatIsNotZstd) {
  EXPECT_THAT(ErrorOf(Three()), HasSubstr("is not zstd data"));
}

TEST(ZstdSafetensors, RejectsATruncatedFileWhenItIsOpened) {
  const std::string whole = Zstd(Noise());
  EXPECT_THAT(ErrorOf(whole.substr(0, whole.size() / 2)), HasSubstr("or is truncated"));
}

TEST(ZstdSafetensors, RejectsAFileWithoutItsLastByte) {
  const std::string whole = Zstd(Noise());
  EXPECT_THAT(ErrorOf(whole.substr(0, whole.size() - 1)), HasSubstr("or is truncated"));
}

TEST(ZstdSafetensors, RejectsSomethingElseAfterTheFrame) {
  EXPECT_THAT(ErrorOf(Zstd(Three()) + "and more"),
              HasSubstr("holds something else after its zstd data"));
}

TEST(ZstdSafetensors, RejectsMoreDataThanTheHeaderSpeaksOf) {
  EXPECT_THAT(ErrorOf(Zstd(Three() + std::string(100, 'x'))),
              HasSubstr("but its header speaks of"));
}

TEST(ZstdSafetensors, RejectsLessDataThanTheHeaderSpeaksOf) {
  const std::string bytes = Three();
  EXPECT_THAT(ErrorOf(Zstd(bytes.substr(0, bytes.size() - 4))),
              HasSubstr("but its header speaks of"));
}

TEST(ZstdSafetensors, RejectsTooMuchDataInAFrameOfUnknownSizeWhenItIsRead) {
  const ScratchFolder folder;
  const auto file = OpenWeightFile(
      folder.Put("a.safetensors.zst", ZstdOfUnknownSize(Three() + std::string(100, 'x'))));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->Read(2).status().message(), "holds more data than its header says");
}

TEST(ZstdSafetensors, ReadsTheRightTensorAfterAnError) {
  const auto file = OpenZstdSafetensors(
      "a.safetensors.zst", MappedFile::Of(ZstdOfUnknownSize(Three() + std::string(100, 'x'))));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->Read(0)->span<float>(), ElementsAre(1));
  EXPECT_FALSE((*file)->Read(0).ok()) << "is to be put aside whole, which is too much";
  const auto next = (*file)->Read(1);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_THAT(next->span<float>(), ElementsAre(2, 3));
}

TEST(ZstdSafetensors, RejectsTooLittleDataInAFrameOfUnknownSizeWhenItIsRead) {
  const ScratchFolder folder;
  const std::string bytes = Three();
  const auto file = OpenWeightFile(
      folder.Put("a.safetensors.zst", ZstdOfUnknownSize(bytes.substr(0, bytes.size() - 2))));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(std::string((*file)->Read(2).status().message()),
              HasSubstr("where its header promises more"));
  EXPECT_THAT((*file)->Read(0)->span<float>(), ElementsAre(1));  // the rest is still there
}

TEST(ZstdSafetensors, RejectsABombBeforeItGrows) {
  // Two terabytes in a few bytes: the header says so, and nothing in the frame denies it.
  constexpr char kHeader[] =
      R"({"w": {"dtype": "U8", "shape": [2199023255552], "data_offsets": [0, 2199023255552]}})";
  EXPECT_THAT(ErrorOf(ZstdOfUnknownSize(SafetensorsBytes(kHeader, std::string(1 << 20, '\0')))),
              HasSubstr("to 2199023255552 bytes: more than 32768 times"));
  // A large file may grow less.
  std::mt19937 random(1);
  std::string noise(5 << 18, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  EXPECT_THAT(ErrorOf(ZstdOfUnknownSize(SafetensorsBytes(kHeader, noise))),
              HasSubstr("to 2199023255552 bytes: more than 1000 times"));
}

TEST(ZstdSafetensors, RejectsABombInTheHeader) {
  EXPECT_THAT(ErrorOf(Zstd(std::string("\0\0\0\x40\0\0\0\0", 8) + std::string(1 << 24, ' '))),
              HasSubstr("its header would have 1073741824 bytes"));
}

TEST(ZstdSafetensors, ReportsCorruptDataWhenItIsRead) {
  const ScratchFolder folder;
  // With a checksum, so that a changed literal is noticed too.
  const std::string bytes = Noise();
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string compressed(ZSTD_compressBound(bytes.size()), '\0');
  compressed.resize(
      ZSTD_compress2(context, compressed.data(), compressed.size(), bytes.data(), bytes.size()));
  ZSTD_freeCCtx(context);
  compressed[compressed.size() / 2] = static_cast<char>(compressed[compressed.size() / 2] ^ 0x55);
  const auto file = OpenWeightFile(folder.Put("a.safetensors.zst", compressed));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(std::string((*file)->Read(0).status().message()), HasSubstr("is corrupt after "));
}

}  // namespace
}  // namespace weft
