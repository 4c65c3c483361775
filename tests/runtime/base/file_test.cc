#include "runtime/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(ReadFile, ReturnsTheWholeFile) {
  const ScratchFolder folder;
  EXPECT_EQ(*ReadFile(folder.Put("a", std::string("x\0y", 3)), 100), std::string("x\0y", 3));
  EXPECT_EQ(*ReadFile(folder.Put("empty", ""), 0), "");
}

TEST(ReadFile, RejectsWhatIsLargerThanTheLimit) {
  const ScratchFolder folder;
  const std::string path = folder.Put("a", "12345");
  EXPECT_EQ(Message(ReadFile(path, 4).status()),
            "\"" + path + "\": holds 5 bytes, more than the 4 allowed");
}

TEST(ReadFile, NamesAMissingFile) {
  const auto read = ReadFile("/nowhere/a.json", 10);
  EXPECT_EQ(read.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Message(read.status()),
            "\"/nowhere/a.json\": cannot be opened: No such file or directory");
}

TEST(ReadFile, DoesNotHangOnAPipe) {
  const ScratchFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(Message(ReadFile(folder / "pipe", 10).status()), EndsWith("is not a regular file"));
}

TEST(MappedFile, OutlivesTheFilesName) {
  const ScratchFolder folder;
  const std::string path = folder.Put("a", "hello");
  const auto mapped = MappedFile::Open(path);
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  std::filesystem::remove(path);
  ASSERT_EQ((*mapped)->size(), 5u);
  EXPECT_EQ(static_cast<char>((*mapped)->data()[4]), 'o');
}

// Pages of files that this process has mapped in, in bytes.
size_t ResidentFileBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0, resident = 0, shared = 0;
  statm >> total >> resident >> shared;
  return shared * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

TEST(MappedFile, LetsGoOfPagesThatWereLentAndStaysReadable) {
  constexpr size_t kBytes = size_t{32} << 20;
  const ScratchFolder folder;
  const auto mapped = MappedFile::Open(folder.Put("a", std::string(kBytes, 'x')));
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const std::byte* data = (*mapped)->data();
  const size_t before = ResidentFileBytes();
  auto lent = MappedFile::Lend(*mapped, data + 100, kBytes - 100);
  size_t count = 0;
  for (size_t i = 100; i < kBytes; ++i) count += static_cast<size_t>(data[i] == std::byte{'x'});
  EXPECT_EQ(count, kBytes - 100);
  EXPECT_GT(ResidentFileBytes(), before + kBytes / 2);
  lent.reset();
  EXPECT_LT(ResidentFileBytes(), before + kBytes / 4);
  EXPECT_EQ(data[kBytes - 1], std::byte{'x'});
}

TEST(MappedFile, LetsGoOfWhatHasBeenReadWhileTheRestIsLent) {
  constexpr size_t kBytes = size_t{32} << 20;
  const ScratchFolder folder;
  const auto mapped = MappedFile::Open(folder.Put("a", std::string(kBytes, 'x')));
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const std::byte* data = (*mapped)->data();
  const auto lent = MappedFile::Lend(*mapped, data, kBytes);
  const size_t before = ResidentFileBytes();
  constexpr size_t kWindow = size_t{1} << 20;
  size_t count = 0, most = 0;
  for (size_t begin = 0; begin < kBytes; begin += kWindow) {
    for (size_t i = begin; i < begin + kWindow; ++i) {
      count += static_cast<size_t>(data[i] == std::byte{'x'});
    }
    most = std::max(most, ResidentFileBytes());
    MappedFile::HaveBeenRead(data + begin, kWindow);
  }
  EXPECT_EQ(count, kBytes);
  EXPECT_LT(most, before + kBytes / 4);
  EXPECT_EQ(data[kWindow / 2], std::byte{'x'});
}

TEST(MappedFile, LeavesMemoryThatIsNoFilesAsItIs) {
  const std::vector<std::byte> memory(size_t{1} << 20, std::byte{7});
  const std::shared_ptr<const MappedFile> copy = MappedFile::Of(std::string(size_t{1} << 20, 'x'));
  MappedFile::HaveBeenRead(memory.data(), memory.size());
  MappedFile::HaveBeenRead(copy->data(), copy->size());
  EXPECT_EQ(std::count(memory.begin(), memory.end(), std::byte{7}), std::ptrdiff_t{1} << 20);
  EXPECT_EQ(copy->text(), std::string(size_t{1} << 20, 'x'));
}

TEST(MappedFile, LeavesTheMemoryBehindItAlone) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const ScratchFolder folder;
  const std::string path = folder.Put("a", std::string(page, 'x'));
  std::vector<std::shared_ptr<const MappedFile>> files;
  void* behind = MAP_FAILED;
  while (behind == MAP_FAILED && files.size() < 1000) {  // until there is room behind one
    files.push_back(MappedFile::Open(path).value());
    if (files.size() > 1) files.erase(files.end() - 2);
    behind = mmap(const_cast<std::byte*>(files.back()->data()) + page, page, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  }
  ASSERT_NE(behind, MAP_FAILED);
  *static_cast<char*>(behind) = 'y';
  MappedFile::Lend(files.back(), files.back()->data(), 2 * page).reset();
  EXPECT_EQ(*static_cast<char*>(behind), 'y');
  munmap(behind, page);
}

TEST(WriteFile, ReplacesAFileAndLeavesNothingElse) {
  const ScratchFolder folder;
  const std::string path = folder.Put("a.txt", "old");
  ASSERT_TRUE(WriteFile(path, "new").ok());
  EXPECT_EQ(ScratchFolder::Contents(path), "new");
  EXPECT_EQ(folder.CountFiles(), 1);
}

TEST(WriteFile, KeepsTheOldFileWhereNothingWasCommitted) {
  const ScratchFolder folder;
  const std::string path = folder.Put("a.txt", "old");
  {
    auto file = AtomicFile::Create(path);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->Write("half of the").ok());
  }
  EXPECT_EQ(ScratchFolder::Contents(path), "old");
  EXPECT_EQ(folder.CountFiles(), 1);
}

TEST(WriteFile, WritesNamesAsLongAsTheyCanBe) {
  const ScratchFolder folder;
  const std::string path = folder / std::string(255, 'n');
  EXPECT_TRUE(WriteFile(path, "x").ok());
  EXPECT_EQ(ScratchFolder::Contents(path), "x");
}

TEST(WriteFile, NamesAFolderThatIsMissing) {
  EXPECT_EQ(Message(WriteFile("/nowhere/at/all.png", "x")),
            "\"/nowhere/at/all.png\": cannot be written: No such file or directory");
}

TEST(WriteFile, RejectsAFolderAsTarget) {
  const ScratchFolder folder;
  EXPECT_EQ(Message(WriteFile(folder.path(), "x")),
            "\"" + folder.path() + "\": cannot be written: is a folder");
}

TEST(WriteFile, NamesAParentThatIsAFile) {
  const ScratchFolder folder;
  folder.Put("a", "x");
  EXPECT_EQ(Message(WriteFile(folder / "a/b.png", "x")),
            "\"" + (folder / "a/b.png") + "\": cannot be written: Not a directory");
}

TEST(WriteFile, ReportsAFullDevice) {
  const absl::Status status = WriteFile("/dev/full", "x");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Message(status), "\"/dev/full\": cannot be written: No space left on device");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST(WriteFile, LeavesNoPartialFileOnAFullDisk) {
  // A limit on the size of files fails as a full disk does: in the middle of a write.
  const ScratchFolder folder;
  const std::string path = folder.Put("a.png", "old");
  rlimit before = {};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const absl::Status status = WriteFile(path, std::string(5000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(Message(status), "\"" + path + "\": cannot be written: File too large");
  EXPECT_EQ(ScratchFolder::Contents(path), "old");
  EXPECT_EQ(folder.CountFiles(), 1);
}

TEST(WriteFile, ReportsAFolderThatCannotBeWrittenTo) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  const ScratchFolder folder;
  chmod(folder.path().c_str(), 0500);
  const absl::Status status = WriteFile(folder / "a.png", "x");
  chmod(folder.path().c_str(), 0700);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(Message(status), EndsWith("a.png\": cannot be written: Permission denied"));
}

TEST(WriteFile, ReportsAFileSystemThatIsReadOnly) {
  // /proc takes no new files, whoever asks.
  const absl::Status status = WriteFile("/proc/weft-test.png", "x");
  EXPECT_THAT(Message(status), StartsWith("\"/proc/weft-test.png\": cannot be written: "));
}

TEST(MakeFolder, MakesTheFoldersAbove) {
  const ScratchFolder folder;
  ASSERT_TRUE(MakeFolder(folder / "a/b/c").ok());
  ASSERT_TRUE(MakeFolder(folder / "a/b/c").ok());
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/c"));
}

TEST(MakeFolder, NamesAFileThatIsInTheWay) {
  const ScratchFolder folder;
  folder.Put("a", "x");
  EXPECT_THAT(Message(MakeFolder(folder / "a/b")), HasSubstr("a/b\": cannot be made a folder: "));
}

}  // namespace
}  // namespace weft
