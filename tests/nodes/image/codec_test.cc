#include "nodes/image/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <zlib.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "tests/nodes/image/patterns.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAreArray;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const Allocator& Cpu() {
  static const Allocator allocator(Device::kCpu);
  return allocator;
}

std::string ErrorOf(const std::string& bytes) {
  const auto image = DecodeImage(bytes, Cpu());
  return image.ok() ? "no error" : std::string(image.status().message());
}

std::string BigEndian(uint32_t x) {
  return {static_cast<char>(x >> 24), static_cast<char>(x >> 16), static_cast<char>(x >> 8),
          static_cast<char>(x)};
}
std::string Chunk(const std::string& type, const std::string& data) {
  const std::string checked = type + data;
  const auto crc = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size())));
  return BigEndian(static_cast<uint32_t>(data.size())) + checked + BigEndian(crc);
}
std::string Deflate(const std::string& data) {
  std::string compressed(compressBound(data.size()), '\0');
  uLongf size = compressed.size();
  compress(reinterpret_cast<Bytef*>(compressed.data()), &size,
           reinterpret_cast<const Bytef*>(data.data()), data.size());
  compressed.resize(size);
  return compressed;
}
// A PNG of this size and colour type with these rows, true or not.
std::string HandMadePng(uint32_t width, uint32_t height, char colour_type, const std::string& rows,
                        const std::string& side_chunks = "") {
  return "\x89PNG\r\n\x1a\n" +
         Chunk("IHDR",
               BigEndian(width) + BigEndian(height) + std::string({8, colour_type, 0, 0, 0})) +
         side_chunks + Chunk("IDAT", Deflate(rows)) + Chunk("IEND", "");
}

std::string Encoded(ImageFormat format, const EncodeOptions& options = {}) {
  return EncodeImage(PatternImage(60, 50, 3), format, options).value();
}

TEST(Codec, DecodesPicturesAsPillowDoes) {
  const nlohmann::json cases = ImageGoldens("pictures");
  ASSERT_GE(cases.size(), 18u);
  for (const nlohmann::json& golden : cases) {
    const std::string name = golden["name"];
    std::string bytes;
    ASSERT_TRUE(absl::Base64Unescape(golden["bytes"].get<std::string>(), &bytes));
    const auto image = DecodeImage(bytes, Cpu());
    ASSERT_TRUE(image.ok()) << name << ": " << image.status();
    const auto shape = golden["shape"].get<std::vector<int64_t>>();
    ASSERT_EQ(image->shape(), (Shape{1, shape[0], shape[1], shape[2]})) << name;
    const auto header = ReadImageHeader(bytes);
    ASSERT_TRUE(header.ok()) << name << ": " << header.status();
    EXPECT_EQ(header->height, shape[0]) << name;
    EXPECT_EQ(header->width, shape[1]) << name;
    EXPECT_EQ(header->alpha, shape[2] == 4) << name;
    // Lossy decoders may differ in their last bit: Pillow carries libraries of its own.
    const int tolerance =
        absl::StartsWith(name, "PNG") || absl::StrContains(name, "lossless") ? 0 : 2;
    const auto values = golden["values"].get<std::vector<int>>();
    ASSERT_EQ(values.size(), static_cast<size_t>(image->numel())) << name;
    int worst = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      worst = std::max(worst, std::abs(values[i] - image->data<uint8_t>()[i]));
    }
    EXPECT_LE(worst, tolerance) << name;
  }
}

TEST(Codec, ReadsInterlacedPng) {
  const Tensor picture = PatternImage(11, 9, 3);
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  std::string bytes;
  png_set_write_fn(
      png, &bytes,
      [](png_structp p, png_bytep from, size_t count) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(from), count);
      },
      nullptr);
  png_set_IHDR(png, info, 9, 11, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7, 0, 0);
  std::vector<png_bytep> rows;
  for (int y = 0; y < 11; ++y) {
    rows.push_back(const_cast<png_bytep>(picture.data<uint8_t>() + y * 27));
  }
  png_set_rows(png, info, rows.data());
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  const auto image = DecodeImage(bytes, Cpu());
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_THAT(image->span<uint8_t>(), ElementsAreArray(picture.span<uint8_t>()));
}

TEST(Codec, LosslessFormatsReturnWhatWasWritten) {
  for (const int64_t channels : {1, 3, 4}) {
    const Tensor picture = PatternImage(7, 5, channels);
    for (const ImageFormat format : {ImageFormat::kPng, ImageFormat::kWebp}) {
      if (format == ImageFormat::kWebp && channels == 4) continue;  // clears unseen colours
      const auto bytes = EncodeImage(picture, format, {.quality = 100, .text_key = "", .text = ""});
      ASSERT_TRUE(bytes.ok()) << bytes.status();
      const auto back = DecodeImage(*bytes, Cpu());
      ASSERT_TRUE(back.ok()) << back.status();
      const int64_t got = back->dim(3);
      ASSERT_EQ(got, channels == 4 ? 4 : 3);
      for (int64_t i = 0; i < 35; ++i) {
        for (int64_t c = 0; c < got; ++c) {
          ASSERT_EQ(back->data<uint8_t>()[i * got + c],
                    picture.data<uint8_t>()[i * channels + (channels == 1 ? 0 : c)]);
        }
      }
    }
  }
}

TEST(Codec, JpegComesNear) {
  std::vector<uint8_t> slope;
  for (int i = 0; i < 64 * 64; ++i) slope.insert(slope.end(), 3, static_cast<uint8_t>(i / 32));
  const Tensor picture = *Tensor::Of<uint8_t>(Shape{1, 64, 64, 3}, slope);
  const auto back = DecodeImage(*EncodeImage(picture, ImageFormat::kJpeg), Cpu());
  ASSERT_TRUE(back.ok()) << back.status();
  for (int64_t i = 0; i < picture.numel(); ++i) {
    ASSERT_NEAR(back->data<uint8_t>()[i], picture.data<uint8_t>()[i], 3);
  }
}

TEST(Codec, KnowsFormatsByExtension) {
  EXPECT_EQ(*ImageFormatOf("a/b.PNG"), ImageFormat::kPng);
  EXPECT_EQ(*ImageFormatOf("b.jpeg"), ImageFormat::kJpeg);
  EXPECT_EQ(*ImageFormatOf("b.webp"), ImageFormat::kWebp);
  EXPECT_EQ(ImageFormatOf("b.gif").status().message(),
            "\"b.gif\" has the extension .gif; pictures are saved as .png, .jpg, .jpeg or .webp");
  EXPECT_THAT(std::string(ImageFormatOf("b").status().message()), HasSubstr("has no extension"));
}

TEST(Codec, NamesTheFile) {
  const ScratchFolder folder;
  const std::string path = folder.Put("a.png", "not a picture");
  EXPECT_EQ(DecodeImageFile(path, Cpu()).status().message(),
            "\"" + path + "\": is not a picture that can be read: neither PNG, JPEG nor WebP");
  EXPECT_THAT(std::string(ReadImageFileHeader("/nowhere.png").status().message()),
              StartsWith("\"/nowhere.png\": cannot be opened"));
}

TEST(Codec, RejectsAnEmptyFile) { EXPECT_EQ(ErrorOf(""), "is empty"); }

TEST(Codec, RejectsATruncatedFileOfEachFormatAtEveryLength) {
  for (const ImageFormat format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp}) {
    const std::string whole = Encoded(format);
    ASSERT_EQ(ErrorOf(whole), "no error");
    // A JPEG may lack its end marker, a PNG may not.
    for (size_t length = 0; length + 12 < whole.size(); length += 1 + length / 16) {
      EXPECT_NE(ErrorOf(whole.substr(0, length)), "no error") << Name(format) << " " << length;
    }
    EXPECT_THAT(ErrorOf(whole.substr(0, whole.size() / 2)),
                StartsWith(absl::StrCat("is a ", Name(format), " that cannot be read: ")));
  }
}

TEST(Codec, SurvivesChangedBytesInEachFormat) {
  // Whatever it says: it must not crash. Sanitizers watch.
  for (const ImageFormat format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp}) {
    const std::string whole = Encoded(format);
    int errors = 0;
    uint32_t random = 7;
    for (int round = 0; round < 300; ++round) {
      std::string bytes = whole;
      for (int change = 0; change < 3; ++change) {
        random = random * 1664525u + 1013904223u;
        bytes[random % bytes.size()] = static_cast<char>(random >> 24);
      }
      errors += ErrorOf(bytes) != "no error" ? 1 : 0;
    }
    EXPECT_GT(errors, 0) << Name(format);
  }
}

TEST(Png, RejectsABadChecksum) {
  std::string bytes = Encoded(ImageFormat::kPng);
  const size_t checksum = bytes.size() - 12 - 1;  // before IEND: the last byte of IDAT's
  bytes[checksum] = static_cast<char>(bytes[checksum] ^ 1);
  EXPECT_EQ(ErrorOf(bytes), "is a PNG that cannot be read: IDAT: CRC error");
}

TEST(Png, RejectsATruncatedFile) {
  const std::string bytes = Encoded(ImageFormat::kPng);
  EXPECT_EQ(ErrorOf(bytes.substr(0, bytes.size() - 20)),
            "is a PNG that cannot be read: the file is truncated");
}

TEST(Png, RejectsFewerRowsThanItsHeaderSays) {
  EXPECT_THAT(ErrorOf(HandMadePng(4, 4, 2, std::string(13 * 2, '\0'))),
              HasSubstr("Not enough image data"));
}

TEST(Png, RejectsABillionPixelsBeforeTakingMemory) {
  EXPECT_EQ(ErrorOf(HandMadePng(1000000, 1000, 2, "")),
            "is a picture of 1000000 × 1000 pixels: more than 16384 on a side or 67108864 in all "
            "are not read");
  EXPECT_THAT(ErrorOf(HandMadePng(16384, 16384, 2, "")), HasSubstr("67108864 in all"));
}

TEST(Png, RejectsALargePictureInASmallFile) {
  EXPECT_THAT(ErrorOf(HandMadePng(8000, 8000, 2, "x")),
              HasSubstr("bytes cannot hold the 192000000 that its header promises"));
}

TEST(Png, RejectsAWidthOfZero) {
  EXPECT_THAT(ErrorOf(HandMadePng(0, 4, 2, "")), HasSubstr("is a picture of 0 × 4 pixels"));
}

TEST(Png, RejectsAPaletteThatIsMissing) {
  EXPECT_THAT(ErrorOf(HandMadePng(2, 1, 3, std::string("\0\1\1", 3))),
              StartsWith("is a PNG that cannot be read: "));
}

TEST(Png, IsNotFooledByATextThatGrows) {
  // 64 MiB of spaces in a zTXt chunk: it is left alone, and the picture is read.
  const std::string bomb =
      Chunk("zTXt", std::string("weft\0\0", 6) + Deflate(std::string(size_t{64} << 20, ' ')));
  const auto image = DecodeImage(HandMadePng(1, 1, 2, std::string("\0\1\2\3", 4), bomb), Cpu());
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->data<uint8_t>()[2], 3);
}

TEST(Jpeg, RejectsATruncatedFile) {
  const std::string bytes = Encoded(ImageFormat::kJpeg);
  EXPECT_EQ(ErrorOf(bytes.substr(0, bytes.size() / 2)),
            "is a JPEG that cannot be read: Premature end of JPEG file");
}

TEST(Jpeg, RejectsAHugeFrame) {
  std::string bytes = Encoded(ImageFormat::kJpeg);
  const size_t frame = bytes.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  bytes.replace(frame + 5, 4, "\xff\xdc\xff\xdc");  // 65500 × 65500
  EXPECT_THAT(ErrorOf(bytes), HasSubstr("is a picture of 65500 × 65500 pixels"));
}

TEST(Jpeg, RejectsMarkersWithoutAPicture) {
  EXPECT_THAT(ErrorOf("\xff\xd8\xff\xd9"), StartsWith("is a JPEG that cannot be read: "));
}

TEST(Webp, RejectsACorruptHeader) {
  EXPECT_THAT(ErrorOf(std::string("RIFF\x20\0\0\0WEBPVP8 \x10\0\0\0zzzzzzzzzzzzzzzzzz", 38)),
              StartsWith("is a WebP that cannot be read: "));
}

TEST(Webp, RejectsATruncatedFile) {
  const std::string bytes = Encoded(ImageFormat::kWebp);
  EXPECT_THAT(ErrorOf(bytes.substr(0, bytes.size() * 3 / 4)),
              EndsWith("its data is truncated or corrupt"));
}

TEST(Encode, RejectsWhatIsNoPicture) {
  const Tensor floats = *Tensor::Of<float>(Shape{1, 1, 1, 3}, {0, 0, 0});
  EXPECT_EQ(EncodeImage(floats, ImageFormat::kPng).status().message(),
            "cannot encode a tensor of shape [1, 1, 1, 3] f32; expected [1, h, w, 1, 3 or 4] u8");
}

TEST(Encode, RejectsTransparencyInAJpeg) {
  EXPECT_THAT(
      std::string(EncodeImage(PatternImage(2, 2, 4), ImageFormat::kJpeg).status().message()),
      HasSubstr("a JPEG has no transparency"));
}

}  // namespace
}  // namespace weft
