#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#include "nodes/image/codec.h"
#include "nodes/image/png_text.h"
#include "nodes/io/numbered_path.h"
#include "tests/nodes/image/node_runner.h"
#include "tests/nodes/image/patterns.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {

NodeType LoadImageNode();
NodeType SaveImageNode();

namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class ImageIo : public ::testing::Test {
 protected:
  ImageIo() {
    runner_.environment().graph_folder = folder_.path();
    runner_.environment().output_folder = folder_ / "out";
    runner_.environment().graph_json = R"({"weft": 1, "title": "Bär"})";
  }
  absl::StatusOr<NodeRunner::Values> Save(const Tensor& image, const std::string& path) {
    return runner_.Run(SaveImageNode(), {{"image", Value(image)}, {"path", Txt(path)}});
  }
  std::string ErrorOfSaving(const Tensor& image, const std::string& path) {
    const auto saved = Save(image, path);
    return saved.ok() ? "no error" : std::string(saved.status().message());
  }
  std::string ErrorOfLoading(const std::string& path) {
    return runner_.ErrorOf(LoadImageNode(), {{"path", Txt(path)}});
  }

  ScratchFolder folder_;
  NodeRunner runner_;
};

TEST_F(ImageIo, SavesAPngThatCarriesTheGraph) {
  const Tensor image = PatternImage(4, 5, 3);
  const auto saved = Save(image, "pictures/a.png");
  ASSERT_TRUE(saved.ok()) << saved.status();
  const std::string path = folder_ / "out/pictures/a.png";
  EXPECT_EQ(*saved->at("files").AsList()->at(0).AsText(), path);
  EXPECT_EQ(*ReadPngText(path, kPngGraphKey), runner_.environment().graph_json);
  const auto back = runner_.Run(LoadImageNode(), {{"path", Txt(path)}});
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->at("image").AsTensor()->span<uint8_t>(), image.span<uint8_t>());
  EXPECT_THAT(back->at("mask").AsTensor()->span<float>(), ::testing::Each(0.0f));
}

TEST_F(ImageIo, SavesEachFormatAndNumbersBatches) {
  const Tensor pair = *Tensor::Of<float>(Shape{2, 1, 1, 1}, {0.0f, 1.0f});
  for (const std::string ending : {".png", ".jpg", ".webp"}) {
    ASSERT_TRUE(Save(pair, "b" + ending).ok());
    EXPECT_EQ(DecodeImageFile(folder_ / ("out/b_0" + ending), Allocator(Device::kCpu))
                  ->data<uint8_t>()[0],
              0);
    EXPECT_EQ(DecodeImageFile(folder_ / ("out/b_1" + ending), Allocator(Device::kCpu))
                  ->data<uint8_t>()[0],
              255);
  }
  EXPECT_EQ(folder_.CountFiles(), 6);
  EXPECT_EQ(NumberedPath("a.b/c.d.png", 12), "a.b/c.d_12.png");
}

TEST_F(ImageIo, MasksWhatIsTransparent) {
  const Tensor image = *Tensor::Of<uint8_t>(Shape{1, 1, 2, 4}, {1, 2, 3, 255, 4, 5, 6, 0});
  ASSERT_TRUE(Save(image, "a.png").ok());
  const auto back = runner_.Run(LoadImageNode(), {{"path", Txt("out/a.png")}});
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_THAT(back->at("image").AsTensor()->span<uint8_t>(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(back->at("mask").AsTensor()->span<float>(), ElementsAre(0, 1));
}

TEST_F(ImageIo, InfersShapesFromTheHeaderAlone) {
  ASSERT_TRUE(Save(PatternImage(6, 9, 3), "a.png").ok());
  // Only the header is left of it.
  const std::string bytes = ScratchFolder::Contents(folder_ / "out/a.png");
  folder_.Put("cut.png", bytes.substr(0, bytes.size() - 30));
  const auto inferred = runner_.Infer(LoadImageNode(), {{"path", Txt("cut.png")}});
  ASSERT_TRUE(inferred.ok()) << inferred.status();
  EXPECT_TRUE(inferred->at("image").AsTensor()->is_meta());
  EXPECT_EQ(inferred->at("image").AsTensor()->shape(), (Shape{1, 6, 9, 3}));
  EXPECT_EQ(inferred->at("mask").AsTensor()->shape(), (Shape{1, 6, 9, 1}));
  EXPECT_THAT(ErrorOfLoading("cut.png"), HasSubstr("cut.png\": is a PNG that cannot be read: "));
}

TEST_F(ImageIo, WritesNothingInADryRun) {
  const Tensor meta = *Tensor::Allocate(Allocator(Device::kMeta), DType::kF32, Shape{1, 8, 8, 3});
  EXPECT_TRUE(
      runner_.Infer(SaveImageNode(), {{"image", Value(meta)}, {"path", Txt("a.png")}}).ok());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
}

TEST_F(ImageIo, SaysWhereItLookedForAMissingPicture) {
  EXPECT_THAT(ErrorOfLoading("cat.png"), AllOf(HasSubstr("\"cat.png\" was not found; looked for "),
                                               HasSubstr(folder_ / "cat.png")));
}

TEST_F(ImageIo, RejectsAPictureThatIsNone) {
  folder_.Put("a.png", "hello");
  EXPECT_THAT(ErrorOfLoading("a.png"), EndsWith("neither PNG, JPEG nor WebP"));
}

TEST_F(ImageIo, RejectsExtensionsItCannotWrite) {
  EXPECT_THAT(ErrorOfSaving(PatternImage(2, 2, 3), "a.bmp"),
              HasSubstr("\"a.bmp\" has the extension .bmp; pictures are saved as .png"));
}

TEST_F(ImageIo, RefusesToLeaveTheOutputFolder) {
  EXPECT_THAT(ErrorOfSaving(PatternImage(2, 2, 3), "../a.png"), HasSubstr("leads outside"));
  EXPECT_THAT(ErrorOfSaving(PatternImage(2, 2, 3), "/tmp/a.png"), HasSubstr("is an absolute path"));
}

TEST_F(ImageIo, RejectsAPictureOfNan) {
  const Tensor image = *Tensor::Of<float>(Shape{1, 1, 1, 1}, {std::nanf("")});
  EXPECT_THAT(ErrorOfSaving(image, "a.png"), HasSubstr("the picture holds NaN at element 0"));
  EXPECT_EQ(folder_.CountFiles(), 0);
}

TEST_F(ImageIo, ReportsAFolderThatIsAFile) {
  folder_.Put("out/sub", "x");
  EXPECT_THAT(ErrorOfSaving(PatternImage(2, 2, 3), "sub/a.png"),
              HasSubstr("cannot make the folder"));
}

TEST_F(ImageIo, ReportsATargetThatIsAFolder) {
  folder_.Put("out/a.png/b", "x");
  EXPECT_THAT(ErrorOfSaving(PatternImage(2, 2, 3), "a.png"),
              EndsWith("a.png\": cannot be written: is a folder"));
}

TEST_F(ImageIo, ReportsAFullDisk) {
  std::filesystem::create_directories(folder_ / "out");
  std::filesystem::create_symlink("/dev/full", folder_ / "out/a.png");
  runner_.environment().allow_outside_paths = true;
  EXPECT_THAT(ErrorOfSaving(PatternImage(2, 2, 3), "a.png"),
              EndsWith("cannot be written: No space left on device"));
}

TEST_F(ImageIo, RefusesALinkThatLeadsOutside) {
  std::filesystem::create_directories(folder_ / "out");
  std::filesystem::create_symlink("/dev/full", folder_ / "out/a.png");
  EXPECT_THAT(ErrorOfSaving(PatternImage(2, 2, 3), "a.png"), HasSubstr("through a link outside"));
}

}  // namespace
}  // namespace weft
