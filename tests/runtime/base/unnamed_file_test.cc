#include "runtime/base/unnamed_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

TEST(UnnamedFile, MapsWhatWasWrittenAndLeavesNoName) {
  const ScratchFolder folder;
  setenv("TMPDIR", folder.path().c_str(), 1);
  std::shared_ptr<const MappedFile> mapped;
  {
    absl::StatusOr<UnnamedFile> file = UnnamedFile::Create();
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->Write("put ").ok());
    ASSERT_TRUE(file->Write("aside").ok());
    mapped = *file->Map();
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  }
  unsetenv("TMPDIR");
  EXPECT_EQ(mapped->text(), "put aside");  // after the file itself is closed
}

TEST(UnnamedFile, GoesElsewhereWhereItsFolderCannotBeWritten) {
  setenv("TMPDIR", "/nowhere at all", 1);
  absl::StatusOr<UnnamedFile> file = UnnamedFile::Create();
  unsetenv("TMPDIR");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->Write("x").ok());
}

}  // namespace
}  // namespace weft
