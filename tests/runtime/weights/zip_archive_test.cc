#include "runtime/weights/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/runtime/weights/torch_bytes.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string ErrorOf(const std::string& bytes) {
  const auto members = ReadStoredZip(bytes);
  return members.ok() ? "no error" : std::string(members.status().message());
}

TEST(ZipArchive, ListsStoredMembers) {
  const std::string zip = ZipBytes({{"a/data.pkl", "xyz"}, {"a/data/0", ""}});
  const auto members = ReadStoredZip(zip);
  ASSERT_TRUE(members.ok()) << members.status();
  EXPECT_THAT(*members, ElementsAre(Pair("a/data.pkl", "xyz"), Pair("a/data/0", "")));
}

TEST(ZipArchive, ReadsZip64Records) {
  // One member whose sizes and place stand in the extra field, in a directory that a zip64 record
  // describes.
  const std::string member = std::string("PK\3\4", 4) + std::string(22, '\0') +
                             Number<uint16_t>(1) + Number<uint16_t>(0) + "n" + "data";
  const std::string extra = Number<uint16_t>(1) + Number<uint16_t>(24) + Number<uint64_t>(4) +
                            Number<uint64_t>(4) + Number<uint64_t>(0);
  const std::string all = std::string(4, '\xff');
  const std::string directory = std::string("PK\1\2", 4) + std::string(16, '\0') + all + all +
                                Number<uint16_t>(1) + Number(static_cast<uint16_t>(extra.size())) +
                                std::string(10, '\0') + all + "n" + extra;
  const std::string record = std::string("PK\6\6", 4) + std::string(20, '\0') +
                             Number<uint64_t>(1) + Number<uint64_t>(1) +
                             Number<uint64_t>(directory.size()) + Number<uint64_t>(member.size());
  const std::string locator = std::string("PK\6\7", 4) + std::string(4, '\0') +
                              Number<uint64_t>(member.size() + directory.size()) +
                              std::string(4, '\0');
  const std::string end =
      std::string("PK\5\6", 4) + std::string(4, '\0') + all + all + all + std::string(2, '\0');
  const std::string zip = member + directory + record + locator + end;
  const auto members = ReadStoredZip(zip);
  ASSERT_TRUE(members.ok()) << members.status();
  EXPECT_THAT(*members, ElementsAre(Pair("n", "data")));
}

TEST(ZipArchive, RejectsCompressedMembers) {
  EXPECT_THAT(ErrorOf(ZipBytes({{"a", "x"}}, 8)), HasSubstr("its member \"a\" is compressed"));
}

TEST(ZipArchive, RejectsTwoMembersOfOneName) {
  EXPECT_THAT(ErrorOf(ZipBytes({{"a", "x"}, {"a", "y"}})),
              HasSubstr("two members of the name \"a\""));
}

TEST(ZipArchive, RejectsAnArchiveThatIsCutShort) {
  const std::string zip = ZipBytes({{"a", "xyz"}});
  for (size_t length = 0; length < zip.size(); ++length) {
    EXPECT_FALSE(ReadStoredZip(zip.substr(0, length)).ok()) << length;
  }
}

TEST(ZipArchive, RejectsADirectoryPastTheFile) {
  std::string zip = ZipBytes({{"a", "xyz"}});
  zip[zip.size() - 4] = '\x7f';  // where the directory begins
  EXPECT_THAT(ErrorOf(zip), HasSubstr("its directory should lie at bytes"));
}

}  // namespace
}  // namespace weft
