#include "runtime/graph/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weft {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class EnvironmentTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) / "weft_environment";
    fs::remove_all(root_);
    fs::create_directories(root_ / "graphs");
    fs::create_directories(root_ / "models" / "tiny");
    environment_.graph_folder = (root_ / "graphs").string();
    environment_.output_folder = (root_ / "out").string();
    environment_.model_folders = {(root_ / "models").string()};
  }
  fs::path root_;
  Environment environment_;
};

TEST_F(EnvironmentTest, WritesBelowTheOutputFolderAndMakesItsFolders) {
  const auto path = environment_.OutputPath("a/b.png");
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*path, (root_ / "out" / "a" / "b.png").string());
  EXPECT_TRUE(fs::is_directory(root_ / "out" / "a"));
}

TEST_F(EnvironmentTest, WritesIntoTheWorkingFolderWhereThatIsTheOutputFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(root_);
  environment_.output_folder = ".";
  const auto path = environment_.OutputPath("new.png");
  fs::current_path(before);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*path, "new.png");
}

TEST_F(EnvironmentTest, RefusesToWriteAnywhereElse) {
  EXPECT_THAT(std::string(environment_.OutputPath("../x.png").status().message()),
              HasSubstr("leads outside"));
  EXPECT_THAT(std::string(environment_.OutputPath("a/../../x.png").status().message()),
              HasSubstr("leads outside"));
  EXPECT_THAT(std::string(environment_.OutputPath("/tmp/x.png").status().message()),
              HasSubstr("absolute path"));
  EXPECT_THAT(std::string(environment_.OutputPath("").status().message()), HasSubstr("empty"));
  EXPECT_THAT(std::string(environment_.OutputPath(absl::string_view("a\0b", 3)).status().message()),
              HasSubstr("control character"));
}

TEST_F(EnvironmentTest, RefusesALinkThatLeadsOut) {
  fs::create_directories(root_ / "out");
  fs::create_directory_symlink(root_ / "graphs", root_ / "out" / "link");
  EXPECT_THAT(std::string(environment_.OutputPath("link/x.png").status().message()),
              HasSubstr("leads through a link outside"));
}

TEST_F(EnvironmentTest, WritesElsewhereWhenTheUserSaysSo) {
  environment_.allow_outside_paths = true;
  EXPECT_TRUE(environment_.OutputPath((root_ / "elsewhere" / "x.png").string()).ok());
}

TEST_F(EnvironmentTest, FindsInputsBesideTheGraphAndSaysWhereItLooked) {
  std::ofstream(root_ / "graphs" / "in.png") << "x";
  EXPECT_TRUE(environment_.InputPath("in.png").ok());
  EXPECT_THAT(std::string(environment_.InputPath("no.png").status().message()),
              HasSubstr((root_ / "graphs" / "no.png").string()));
}

TEST_F(EnvironmentTest, FindsModelsByTheirShortName) {
  EXPECT_EQ(*environment_.ModelPath("models/tiny"), (root_ / "models" / "tiny").string());
  EXPECT_EQ(*environment_.ModelPath("tiny"), (root_ / "models" / "tiny").string());
  EXPECT_THAT(std::string(environment_.ModelPath("huge").status().message()),
              HasSubstr("\"huge\" was not found"));
}

}  // namespace
}  // namespace weft
