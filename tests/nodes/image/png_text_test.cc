#include "nodes/image/png_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "nodes/image/codec.h"
#include "tests/nodes/image/patterns.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

std::string WithText(const std::string& text) {
  return EncodeImage(PatternImage(3, 3, 3), ImageFormat::kPng,
                     {.quality = 95, .text_key = "weft", .text = text})
      .value();
}

std::string BigEndian(uint32_t x) {
  return {static_cast<char>(x >> 24), static_cast<char>(x >> 16), static_cast<char>(x >> 8),
          static_cast<char>(x)};
}
// A PNG that ends with one more chunk before IEND.
std::string WithChunk(const std::string& type, const std::string& data) {
  const std::string checked = type + data;
  const auto crc = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size())));
  std::string png = EncodeImage(PatternImage(3, 3, 3), ImageFormat::kPng).value();
  return png.insert(png.size() - 12,
                    BigEndian(static_cast<uint32_t>(data.size())) + checked + BigEndian(crc));
}

TEST(PngText, ReturnsShortAndLongTexts) {
  for (const std::string& text :
       {std::string("{\"prompt\": \"ein Bär, 熊\"}"), std::string(500000, 'g') + "é"}) {
    const auto back = PngText(WithText(text), "weft");
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, text);
  }
}

TEST(PngText, DoesNotChangeThePixels) {
  const auto plain = DecodeImage(WithText(""), Allocator(Device::kCpu));
  const auto carrying = DecodeImage(WithText("{}"), Allocator(Device::kCpu));
  EXPECT_EQ(plain->span<uint8_t>(), carrying->span<uint8_t>());
}

TEST(PngText, ReadsLatin1AndCompressedChunksAfterThePixels) {
  EXPECT_EQ(*PngText(WithChunk("tEXt", std::string("weft\0B\xe4r", 8)), "weft"), "Bär");
  std::string compressed(100, '\0');
  uLongf size = compressed.size();
  compress(reinterpret_cast<Bytef*>(compressed.data()), &size,
           reinterpret_cast<const Bytef*>("hello"), 5);
  compressed.resize(size);
  EXPECT_EQ(*PngText(WithChunk("zTXt", std::string("weft\0\0", 6) + compressed), "weft"), "hello");
}

TEST(PngText, SaysWhereThereIsNone) {
  const auto text = PngText(WithText("x"), "workflow");
  EXPECT_EQ(text.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(text.status().message(), "is a PNG that carries no text \"workflow\"");
}

TEST(PngText, RejectsAFileOfAnotherKindAndNamesIt) {
  const ScratchFolder folder;
  const std::string path = folder.Put("a.jpg", "\xff\xd8\xff");
  EXPECT_EQ(ReadPngText(path, "weft").status().message(), "\"" + path + "\": is not a PNG");
}

TEST(PngText, RejectsATruncatedFile) {
  const std::string png = WithText("x");
  EXPECT_EQ(PngText(png.substr(0, png.size() - 6), "other").status().message(),
            "is a truncated PNG");
}

TEST(PngText, RejectsALengthPastTheFile) {
  std::string png = WithText("x");
  png.replace(8, 4, "\x7f\xff\xff\xff");
  EXPECT_EQ(PngText(png, "weft").status().message(), "is a truncated PNG");
}

TEST(PngText, RejectsAChangedText) {
  std::string png = WithText("seed 1");
  png[png.find("seed 1") + 5] = '2';
  EXPECT_EQ(PngText(png, "weft").status().message(),
            "its text \"weft\" is corrupt: the checksum differs");
}

TEST(PngText, RejectsABomb) {
  const std::string spaces(size_t{40} << 20, ' ');
  std::string compressed(compressBound(spaces.size()), '\0');
  uLongf size = compressed.size();
  compress(reinterpret_cast<Bytef*>(compressed.data()), &size,
           reinterpret_cast<const Bytef*>(spaces.data()), spaces.size());
  compressed.resize(size);
  const auto text =
      PngText(WithChunk("iTXt", std::string("weft\0\1\0\0\0", 9) + compressed), "weft");
  EXPECT_THAT(std::string(text.status().message()),
              HasSubstr("its text decompresses to more than the 16777216 bytes allowed"));
}

TEST(PngText, RejectsACorruptCompressedText) {
  const auto text = PngText(WithChunk("zTXt", std::string("weft\0\0junk", 10)), "weft");
  EXPECT_EQ(text.status().message(), "its compressed text is corrupt");
}

}  // namespace
}  // namespace weft
