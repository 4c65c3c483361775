#include "runtime/weights/zip_archive.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/byte_reader.h"

namespace weft {
namespace {

constexpr absl::string_view kMember("PK\x03\x04", 4);
constexpr absl::string_view kCentral("PK\x01\x02", 4);
constexpr absl::string_view kEnd("PK\x05\x06", 4);
constexpr absl::string_view kEnd64("PK\x06\x06", 4);
constexpr absl::string_view kLocator64("PK\x06\x07", 4);
constexpr size_t kEndBytes = 22;
constexpr size_t kLocatorBytes = 20;
constexpr size_t kLongestComment = 0xffff;
constexpr uint32_t kIn64 = 0xffffffff;  // the field's value stands in a zip64 record
constexpr uint16_t kExtra64 = 1;

struct Directory {
  uint64_t members = 0;
  uint64_t bytes = 0;
  uint64_t begin = 0;
};

// The window [begin, begin + count) of `bytes`.
absl::StatusOr<absl::string_view> Window(absl::string_view bytes, uint64_t begin, uint64_t count,
                                         absl::string_view what) {
  if (begin > bytes.size() || count > bytes.size() - begin) {
    return Invalid("is truncated, or damaged: ", what, " should lie at bytes ", begin, " to ",
                   begin + count, " of ", bytes.size());
  }
  return bytes.substr(static_cast<size_t>(begin), static_cast<size_t>(count));
}

absl::StatusOr<Directory> FindDirectory(absl::string_view bytes) {
  size_t end = absl::string_view::npos;
  if (bytes.size() >= kEndBytes) {
    // The record is last but for a comment of its own, so it is looked for from the back.
    const size_t first = bytes.size() - std::min(bytes.size(), kEndBytes + kLongestComment);
    const size_t found = bytes.substr(first, bytes.size() - first - kEndBytes + 4).rfind(kEnd);
    if (found != absl::string_view::npos) end = first + found;
  }
  if (end == absl::string_view::npos) {
    return Invalid("is truncated: it begins as a zip archive, but has no end of one");
  }
  ByteReader in(bytes.substr(end + 10, kEndBytes - 10));  // past the numbers of disks
  Directory directory;
  WEFT_ASSIGN_OR_RETURN(directory.members, in.Number<uint16_t>());
  WEFT_ASSIGN_OR_RETURN(directory.bytes, in.Number<uint32_t>());
  WEFT_ASSIGN_OR_RETURN(directory.begin, in.Number<uint32_t>());
  if (end < kLocatorBytes || !absl::StartsWith(bytes.substr(end - kLocatorBytes), kLocator64)) {
    return directory;
  }
  ByteReader locator(bytes.substr(end - kLocatorBytes + 8));
  WEFT_ASSIGN_OR_RETURN(const uint64_t at, locator.Number<uint64_t>());
  WEFT_ASSIGN_OR_RETURN(const absl::string_view record, Window(bytes, at, 56, "its zip64 record"));
  if (!absl::StartsWith(record, kEnd64)) return Invalid("is damaged: its zip64 record is missing");
  ByteReader in64(record.substr(32));
  WEFT_ASSIGN_OR_RETURN(directory.members, in64.Number<uint64_t>());
  WEFT_ASSIGN_OR_RETURN(directory.bytes, in64.Number<uint64_t>());
  WEFT_ASSIGN_OR_RETURN(directory.begin, in64.Number<uint64_t>());
  return directory;
}

struct Member {
  std::string name;
  uint64_t bytes = 0;
  uint64_t begin = 0;  // of its local header
};

absl::StatusOr<Member> ReadCentral(ByteReader& in) {
  WEFT_ASSIGN_OR_RETURN(const absl::string_view signature, in.Bytes(4));
  if (signature != kCentral) return Invalid("is damaged: its directory holds something else");
  WEFT_RETURN_IF_ERROR(in.Bytes(4).status());  // versions
  WEFT_ASSIGN_OR_RETURN(const uint16_t flags, in.Number<uint16_t>());
  WEFT_ASSIGN_OR_RETURN(const uint16_t method, in.Number<uint16_t>());
  WEFT_RETURN_IF_ERROR(in.Bytes(8).status());  // time, date, checksum
  WEFT_ASSIGN_OR_RETURN(const uint32_t packed, in.Number<uint32_t>());
  WEFT_ASSIGN_OR_RETURN(const uint32_t bytes, in.Number<uint32_t>());
  WEFT_ASSIGN_OR_RETURN(const uint16_t name_bytes, in.Number<uint16_t>());
  WEFT_ASSIGN_OR_RETURN(const uint16_t extra_bytes, in.Number<uint16_t>());
  WEFT_ASSIGN_OR_RETURN(const uint16_t comment_bytes, in.Number<uint16_t>());
  WEFT_RETURN_IF_ERROR(in.Bytes(8).status());  // disk, attributes
  WEFT_ASSIGN_OR_RETURN(const uint32_t begin, in.Number<uint32_t>());
  WEFT_ASSIGN_OR_RETURN(const absl::string_view name, in.Bytes(name_bytes));
  WEFT_ASSIGN_OR_RETURN(const absl::string_view extra, in.Bytes(extra_bytes));
  WEFT_RETURN_IF_ERROR(in.Bytes(comment_bytes).status());

  Member member{.name = std::string(name), .bytes = bytes, .begin = begin};
  if ((flags & 1) != 0) return Invalid("its member ", Quoted(name), " is encrypted");
  uint64_t packed64 = packed;
  for (ByteReader fields(extra); fields.left() >= 4;) {
    WEFT_ASSIGN_OR_RETURN(const uint16_t id, fields.Number<uint16_t>());
    WEFT_ASSIGN_OR_RETURN(const uint16_t length, fields.Number<uint16_t>());
    WEFT_ASSIGN_OR_RETURN(const absl::string_view field, fields.Bytes(length));
    if (id != kExtra64) continue;
    ByteReader wide(field);  // only what did not fit, in this order
    for (auto [value, narrow] : {std::pair(&member.bytes, bytes), std::pair(&packed64, packed),
                                 std::pair(&member.begin, begin)}) {
      if (narrow != kIn64) continue;
      WEFT_ASSIGN_OR_RETURN(*value, wide.Number<uint64_t>());
    }
  }
  if (method != 0 || packed64 != member.bytes) {
    return Invalid("its member ", Quoted(name),
                   " is compressed, which files of torch.save never are; unpack the archive and "
                   "pack it again without compression");
  }
  return member;
}

// The data of a member: behind its local header, whose name and extra field may be longer than the
// directory's.
absl::StatusOr<absl::string_view> MemberData(absl::string_view bytes, const Member& member) {
  constexpr size_t kLocalBytes = 30;
  WEFT_ASSIGN_OR_RETURN(const absl::string_view local,
                        Window(bytes, member.begin, kLocalBytes, "a member's header"));
  if (!absl::StartsWith(local, kMember)) return Invalid("is damaged: a member's header is missing");
  ByteReader in(local.substr(26));
  WEFT_ASSIGN_OR_RETURN(const uint16_t name_bytes, in.Number<uint16_t>());
  WEFT_ASSIGN_OR_RETURN(const uint16_t extra_bytes, in.Number<uint16_t>());
  return Window(bytes, member.begin + kLocalBytes + name_bytes + extra_bytes, member.bytes,
                "a member's data");
}

}  // namespace

absl::StatusOr<absl::btree_map<std::string, absl::string_view>> ReadStoredZip(
    absl::string_view bytes) {
  WEFT_ASSIGN_OR_RETURN(const Directory directory, FindDirectory(bytes));
  WEFT_ASSIGN_OR_RETURN(const absl::string_view listed,
                        Window(bytes, directory.begin, directory.bytes, "its directory"));
  absl::btree_map<std::string, absl::string_view> members;
  ByteReader in(listed);
  for (uint64_t i = 0; i < directory.members; ++i) {
    WEFT_ASSIGN_OR_RETURN(Member member, ReadCentral(in));
    absl::StatusOr<absl::string_view> data = MemberData(bytes, member);
    if (!data.ok()) return Annotate(data.status(), absl::StrCat("member ", Quoted(member.name)));
    const auto [at, added] = members.emplace(std::move(member.name), *data);
    if (!added) return Invalid("holds two members of the name ", Quoted(at->first));
  }
  return members;
}

}  // namespace weft
