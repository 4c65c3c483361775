#include "nodes/text/clip_vocabulary.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nodes/text/unicode.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr size_t kMostBytes = size_t{64} << 20;
constexpr absl::string_view kWordEnd = "</w>";
constexpr absl::string_view kBegin = "<|startoftext|>";
constexpr absl::string_view kEnd = "<|endoftext|>";

// The letters that stand for bytes, in the order of their ids: bytes that print as themselves
// first, then the others as letters from U+0100 up.
std::vector<std::string> ByteLetters() {
  const auto prints = [](char32_t byte) {
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) ||
           (byte >= 0xAE && byte <= 0xFF);
  };
  std::vector<std::string> letters;
  const auto add = [&letters](char32_t letter) { AppendUtf8(letter, &letters.emplace_back()); };
  for (char32_t byte = 0; byte < 256; ++byte) {
    if (prints(byte)) add(byte);
  }
  const char32_t others = static_cast<char32_t>(256 - letters.size());
  for (char32_t i = 0; i < others; ++i) add(256 + i);
  return letters;
}

}  // namespace

absl::StatusOr<std::string> FindClipVocabulary(const std::vector<std::string>& model_folders) {
  if (const char* given = std::getenv("WEFT_CLIP_VOCABULARY"); given != nullptr && *given != '\0') {
    if (FileExists(given)) return std::string(given);
    return absl::NotFoundError(
        absl::StrCat("WEFT_CLIP_VOCABULARY is \"", given, "\", but there is no such file"));
  }
  for (const std::string& folder : model_folders) {
    const std::string path =
        (std::filesystem::path(folder) / std::string(kClipVocabularyFile)).string();
    if (FileExists(path)) return path;
  }
  return absl::NotFoundError(absl::StrCat(
      "this model comes without a tokenizer, and CLIP's vocabulary is not there: run "
      "examples/dependencies.sh, or set WEFT_CLIP_VOCABULARY to bpe_simple_vocab_16e6.txt, or wire "
      "a tokenizer of a diffusers folder (looked for ",
      kClipVocabularyFile, " in the folders of models)"));
}

absl::StatusOr<TokenizerFiles> ClipTokenizerFiles(const std::string& vocabulary_file,
                                                  absl::string_view pad, size_t merges) {
  WEFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(vocabulary_file, kMostBytes));
  const std::string where = absl::StrCat("\"", vocabulary_file, "\"");
  if (absl::StartsWith(text, "\x1f\x8b")) return Invalid(where, ": is compressed; gunzip it first");
  TokenizerFiles files;
  files.merges_file = where;
  std::vector<std::string> tokens = ByteLetters();
  const size_t bytes = tokens.size();
  for (size_t i = 0; i < bytes; ++i) tokens.push_back(absl::StrCat(tokens[i], kWordEnd));
  size_t line_number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (++line_number == 1) continue;                          // a title
    if (line.empty() || files.merges.size() == merges) break;  // the file's end, or CLIP's
    std::pair<std::string, std::string> halves = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (halves.first.empty() || halves.second.empty() || !CheckUtf8(line).ok()) {
      return Invalid(where, ": line ", line_number, " is not a merge (two tokens and one space)");
    }
    tokens.push_back(halves.first + halves.second);
    files.merges.push_back(std::move(halves));
  }
  if (files.merges.size() != merges) {
    return Invalid(where, ": holds ", files.merges.size(), " merges, CLIP's has ", merges);
  }
  tokens.emplace_back(kBegin);
  tokens.emplace_back(kEnd);
  files.vocabulary.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!files.vocabulary.emplace(tokens[i], static_cast<int32_t>(i)).second) {
      return Invalid(where, ": gives token \"", tokens[i], "\" twice");
    }
  }
  // Flags as the published special_tokens_map.json have them: begin and end are looked for in the
  // normalized text, a pad token of another name in the raw text.
  for (const absl::string_view token : {kBegin, kEnd, pad}) {
    const auto found = files.vocabulary.find(std::string(token));
    if (found == files.vocabulary.end()) {
      return Invalid(where, ": has no token \"", token, "\" to pad with");
    }
    if (token == pad && pad == kEnd && files.added_tokens.size() == 2) {
      files.added_tokens.back().normalized = false;
      continue;
    }
    AddedToken added{.content = std::string(token)};
    added.id = found->second;
    added.normalized = token != pad;
    files.added_tokens.push_back(std::move(added));
  }
  files.pad = std::string(pad);
  return files;
}

}  // namespace weft
