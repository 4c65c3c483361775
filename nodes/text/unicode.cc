#include "nodes/text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Letters of Unicode 15.1 and 16.0.
constexpr Range kLaterLetters[] = {
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3},
    {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x11380, 0x11389},
    {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113B7},
    {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0}, {0x13460, 0x143FA},
    {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED},
    {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D},
};

// Digits of Unicode 16.0.
constexpr Range kLaterNumbers[] = {
    {0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9}, {0x16130, 0x16139},
    {0x16D70, 0x16D79}, {0x1CCF0, 0x1CCF9}, {0x1E5F1, 0x1E5FA},
};

// Capitals of Unicode 16.0 and 17.0, and what to add to them.
struct Capitals {
  Range range;
  int32_t to_lower;
};
constexpr Capitals kLaterCapitals[] = {
    {{0x1C89, 0x1C89}, 1},      {{0xA7CB, 0xA7CB}, -0xA567}, {{0xA7CC, 0xA7CC}, 1},
    {{0xA7CE, 0xA7CE}, 1},      {{0xA7D2, 0xA7D2}, 1},       {{0xA7D4, 0xA7D4}, 1},
    {{0xA7DA, 0xA7DA}, 1},      {{0xA7DC, 0xA7DC}, -0xA641}, {{0x10D50, 0x10D65}, 0x20},
    {{0x16EA0, 0x16EB8}, 0x1B},
};

// Marks that are younger than Unicode 9.0, and younger letters that compose: to NFC of 9.0 they
// are letters that nothing moves past or composes with.
constexpr Range kYoungerThanNfc[] = {
    {0x7FD, 0x7FD},     {0x897, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x105D2, 0x105D2},
    {0x105DA, 0x105DA}, {0x10D24, 0x10D27}, {0x10D69, 0x10D6D}, {0x10EAB, 0x10EAC},
    {0x10EFC, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070},
    {0x1133B, 0x1133B}, {0x11382, 0x11382}, {0x11384, 0x11384}, {0x1138B, 0x1138B},
    {0x11390, 0x11390}, {0x113B8, 0x113B8}, {0x113BB, 0x113BB}, {0x113C2, 0x113C2},
    {0x113C9, 0x113C9}, {0x113CE, 0x113D0}, {0x113E1, 0x113E2}, {0x1145E, 0x1145E},
    {0x11839, 0x1183A}, {0x11930, 0x11930}, {0x1193D, 0x1193E}, {0x11943, 0x11943},
    {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99},
    {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42},
    {0x1611E, 0x16120}, {0x16129, 0x16129}, {0x1612F, 0x1612F}, {0x16D63, 0x16D63},
    {0x16D67, 0x16D69}, {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136},
    {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1E5EE, 0x1E5EF},
};

bool Within(absl::Span<const Range> ranges, char32_t c) {
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), c,
                       [](char32_t x, const Range& range) { return x < range.first; });
  return after != ranges.begin() && c <= std::prev(after)->last;
}

utf8proc_category_t CategoryOf(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

// Composes code_points[begin, end) in place and appends the result to `composed`.
void ComposeRun(absl::Span<const char32_t> run, std::u32string* composed) {
  std::vector<utf8proc_int32_t> parts;
  parts.reserve(run.size() + 8);
  for (char32_t c : run) {
    constexpr int kMostParts = 16;  // the longest canonical decomposition has four
    utf8proc_int32_t buffer[kMostParts];
    int last_boundclass = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(c), buffer, kMostParts, UTF8PROC_DECOMPOSE, &last_boundclass);
    parts.insert(parts.end(), buffer, buffer + std::clamp<utf8proc_ssize_t>(count, 0, kMostParts));
  }
  // Canonical order. (utf8proc's own sort is quadratic in the number of marks on a letter.)
  const auto class_of = [](utf8proc_int32_t c) {
    return utf8proc_get_property(c)->combining_class;
  };
  for (auto begin = parts.begin(); begin != parts.end();) {
    if (class_of(*begin) == 0) {
      ++begin;
      continue;
    }
    const auto end =
        std::find_if(begin, parts.end(), [&](utf8proc_int32_t c) { return class_of(c) == 0; });
    std::stable_sort(begin, end, [&](utf8proc_int32_t a, utf8proc_int32_t b) {
      return class_of(a) < class_of(b);
    });
    begin = end;
  }
  const utf8proc_ssize_t length =
      utf8proc_normalize_utf32(parts.data(), static_cast<utf8proc_ssize_t>(parts.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  composed->append(parts.begin(), parts.begin() + std::max<utf8proc_ssize_t>(length, 0));
}

std::u32string Compose(const std::u32string& text) {
  std::u32string composed;
  composed.reserve(text.size());
  const absl::Span<const char32_t> all(text.data(), text.size());
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && !Within(kYoungerThanNfc, text[i])) continue;
    ComposeRun(all.subspan(begin, i - begin), &composed);
    if (i < text.size()) composed.push_back(text[i]);
    begin = i + 1;
  }
  return composed;
}

void AppendLower(char32_t c, std::string* utf8) {
  if (c == 0x130) {  // İ is the one letter whose lower case is two
    utf8->append("i\xCC\x87");
    return;
  }
  for (const Capitals& capitals : kLaterCapitals) {
    if (capitals.range.first <= c && c <= capitals.range.last) {
      AppendUtf8(static_cast<char32_t>(static_cast<int32_t>(c) + capitals.to_lower), utf8);
      return;
    }
  }
  AppendUtf8(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), utf8);
}

}  // namespace

bool IsSpace(char32_t c) {
  return c == ' ' || (c >= 0x9 && c <= 0xD) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool IsLetter(char32_t c) {
  if (c < 0x80) return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
  const utf8proc_category_t category = CategoryOf(c);
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
         Within(kLaterLetters, c);
}

bool IsNumber(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  const utf8proc_category_t category = CategoryOf(c);
  return (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) ||
         Within(kLaterNumbers, c);
}

bool IsWordPart(char32_t c) {
  constexpr char32_t kNonJoiner = 0x200C;
  constexpr char32_t kJoiner = 0x200D;
  if (c == kNonJoiner || c == kJoiner || IsLetter(c)) return true;
  switch (CategoryOf(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return false;
  }
}

absl::Status CheckUtf8(absl::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  size_t offset = 0;
  while (offset < text.size()) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t length = utf8proc_iterate(
        bytes + offset, static_cast<utf8proc_ssize_t>(text.size() - offset), &code_point);
    if (length <= 0) {
      return Invalid("the text is not UTF-8: byte 0x", absl::Hex(bytes[offset], absl::kZeroPad2),
                     " at offset ", offset);
    }
    offset += static_cast<size_t>(length);
  }
  return absl::OkStatus();
}

char32_t NextCodePoint(absl::string_view utf8, size_t* offset) {
  utf8proc_int32_t code_point = 0;
  const utf8proc_ssize_t length =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()) + *offset,
                       static_cast<utf8proc_ssize_t>(utf8.size() - *offset), &code_point);
  *offset += length > 0 ? static_cast<size_t>(length) : 1;
  constexpr char32_t kReplacement = 0xFFFD;
  return length > 0 ? static_cast<char32_t>(code_point) : kReplacement;
}

void AppendUtf8(char32_t code_point, std::string* utf8) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t length =
      utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  utf8->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
}

std::string NormalizeText(absl::string_view utf8) {
  std::u32string code_points;
  code_points.reserve(utf8.size());
  for (size_t offset = 0; offset < utf8.size();) {
    code_points.push_back(NextCodePoint(utf8, &offset));
  }
  std::string normalized;
  normalized.reserve(utf8.size());
  bool after_space = false;
  for (char32_t c : Compose(code_points)) {
    const bool space = IsSpace(c);
    if (!space) {
      AppendLower(c, &normalized);
    } else if (!after_space) {
      normalized.push_back(' ');
    }
    after_space = space;
  }
  return normalized;
}

}  // namespace weft
