#include "nodes/text/tokenizer_files.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nodes/text/unicode.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

using Json = nlohmann::json;

constexpr int64_t kMostIds = 1 << 22;
constexpr size_t kLongestAddedToken = 256;    // bytes; bounds the time to look for it
constexpr size_t kMostAddedTokens = 1 << 14;  // each is compared with all others
constexpr double kLongestText = 1e6;          // transformers writes 1e30 for "no limit"

// The folder's files as they lie there. Those that are not there are null.
struct Documents {  // NOLINT(bugprone-exception-escape): an assertion in Json
  std::string folder;
  Json tokenizer;  // tokenizer.json
  Json config;
  Json special_tokens;
  Json added_tokens;

  std::string Path(absl::string_view file) const { return absl::StrCat(folder, "/", file); }
  // The same for messages.
  std::string Where(absl::string_view file) const { return absl::StrCat("\"", Path(file), "\""); }
};

absl::Status ReadObject(const std::string& path, Json* document) {
  if (!FileExists(path)) return absl::OkStatus();
  WEFT_ASSIGN_OR_RETURN(*document, ReadJsonFile(path));
  if (document->is_object()) return absl::OkStatus();
  return Invalid("\"", path, "\": expected a JSON object, found ", document->type_name());
}

const Json& At(const Json& object, const char* key) {
  static const Json* const kNothing = new Json();
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : *kNothing;
}

absl::StatusOr<int64_t> CheckedId(const Json& id, const std::string& where) {
  if (!id.is_number_integer()) {
    return Invalid(where, ": expected an id (a whole number), found ", id.type_name());
  }
  if (id.is_number_unsigned() ? id.get<uint64_t>() >= kMostIds
                              : id.get<int64_t>() < 0 || id.get<int64_t>() >= kMostIds) {
    return Invalid(where, ": id ", id.dump(), " is out of range (0 to ", kMostIds - 1, ")");
  }
  return id.get<int64_t>();
}

absl::Status ReadVocabulary(const Json& json, const std::string& path, Vocabulary* vocabulary) {
  if (!json.is_object()) {
    return Invalid(path, ": expected a vocabulary (token: id), found ", json.type_name());
  }
  if (json.empty()) return Invalid(path, ": the vocabulary is empty");
  absl::flat_hash_map<int64_t, const std::string*> taken;
  taken.reserve(json.size());
  vocabulary->reserve(json.size());
  for (const auto& [token, value] : json.items()) {
    WEFT_ASSIGN_OR_RETURN(const int64_t id,
                          CheckedId(value, absl::StrCat(path, ": token ", Quoted(token))));
    const auto [other, is_new] = taken.try_emplace(id, &token);
    if (!is_new) {
      return Invalid(path, ": tokens ", Quoted(*other->second), " and ", Quoted(token),
                     " both have id ", id);
    }
    vocabulary->emplace(token, static_cast<int32_t>(id));
  }
  return absl::OkStatus();
}

absl::StatusOr<Merges> ParseMergesText(absl::string_view text, const std::string& path) {
  Merges merges;
  int64_t line_number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || line.substr(0, 8) == "#version") continue;
    std::pair<std::string, std::string> halves = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (halves.first.empty() || halves.second.empty() ||
        halves.second.find(' ') != std::string::npos || !CheckUtf8(line).ok()) {
      return Invalid(path, ": line ", line_number, " is not a merge (two tokens and one space)");
    }
    merges.push_back(std::move(halves));
  }
  return merges;
}

absl::StatusOr<Merges> ParseMergesJson(const Json& json, const std::string& path) {
  if (!json.is_array()) return Invalid(path, ": model.merges is not a list");
  Merges merges;
  merges.reserve(json.size());
  for (const Json& merge : json) {
    std::vector<std::string> halves;
    if (merge.is_string()) {
      halves = absl::StrSplit(merge.get_ref<const std::string&>(), ' ');
    } else if (merge.is_array()) {
      for (const Json& half : merge) {
        if (half.is_string()) halves.push_back(half.get<std::string>());
      }
    }
    if (halves.size() != 2) {
      return Invalid(path, ": model.merges[", merges.size(), "] is not a pair of tokens");
    }
    merges.emplace_back(std::move(halves[0]), std::move(halves[1]));
  }
  return merges;
}

// tokenizer.json may hold any tokenizer: only CLIP's kind is understood.
absl::Status ReadTokenizerJson(const Json& json, const std::string& path, TokenizerFiles* files) {
  const Json& model = At(json, "model");
  if (!model.is_object()) return Invalid(path, ": has no \"model\"");
  if (const Json& type = At(model, "type"); !type.is_null() && type != "BPE") {
    return Invalid(path, ": holds a model of type ", Quoted(type.dump()),
                   ", expected CLIP's \"BPE\"");
  }
  if (const Json& suffix = At(model, "end_of_word_suffix"); suffix != "</w>") {
    return Invalid(path, ": end_of_word_suffix is ", Quoted(suffix.dump()),
                   ", expected CLIP's \"</w>\"");
  }
  WEFT_RETURN_IF_ERROR(ReadVocabulary(At(model, "vocab"), path, &files->vocabulary));
  WEFT_ASSIGN_OR_RETURN(files->merges, ParseMergesJson(At(model, "merges"), path));
  files->merges_file = path;
  return absl::OkStatus();
}

absl::Status ReadVocabularyAndMerges(const Documents& documents, TokenizerFiles* files) {
  if (!FileExists(documents.Path("vocab.json"))) {
    return absl::NotFoundError(
        absl::StrCat("\"", documents.folder,
                     "\": no tokenizer: it holds neither tokenizer.json nor vocab.json"));
  }
  WEFT_ASSIGN_OR_RETURN(const Json vocabulary, ReadJsonFile(documents.Path("vocab.json")));
  WEFT_RETURN_IF_ERROR(
      ReadVocabulary(vocabulary, documents.Where("vocab.json"), &files->vocabulary));
  WEFT_ASSIGN_OR_RETURN(const std::string text,
                        ReadFile(documents.Path("merges.txt"), JsonLimits().bytes));
  files->merges_file = documents.Where("merges.txt");
  WEFT_ASSIGN_OR_RETURN(files->merges, ParseMergesText(text, files->merges_file));
  return absl::OkStatus();
}

// A token as configs write it: a string, or an object of content and flags. Special tokens are
// looked for in the raw text unless the flags say otherwise.
absl::StatusOr<AddedToken> ParseAddedToken(const Json& json, bool special,
                                           const std::string& where) {
  AddedToken token;
  const Json& content = json.is_object() ? At(json, "content") : json;
  if (!content.is_string()) return Invalid(where, ": expected a token, found ", json.type_name());
  token.content = content.get<std::string>();
  if (token.content.empty() || token.content.size() > kLongestAddedToken) {
    return Invalid(where, ": a token of ", token.content.size(), " bytes (expected 1 to ",
                   kLongestAddedToken, ")");
  }
  const auto flag = [&json](const char* name, bool fallback) {
    const Json& value = At(json, name);
    return value.is_boolean() ? value.get<bool>() : fallback;
  };
  token.single_word = flag("single_word", false);
  token.lstrip = flag("lstrip", false);
  token.rstrip = flag("rstrip", false);
  special = flag("special", special);
  token.normalized = flag("normalized", json.is_object() && !special);
  return token;
}

// The special tokens with a name, in the order in which transformers adds them.
constexpr std::array<const char*, 7> kNames = {"bos_token", "eos_token", "unk_token", "sep_token",
                                               "pad_token", "cls_token", "mask_token"};
using NamedTokens = std::array<std::optional<AddedToken>, kNames.size()>;

absl::Status ReadNamedTokens(const Json& json, bool special, const std::string& path,
                             NamedTokens* named, std::vector<AddedToken>* others) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (const Json& token = At(json, kNames[i]); !token.is_null()) {
      WEFT_ASSIGN_OR_RETURN((*named)[i],
                            ParseAddedToken(token, special, absl::StrCat(path, ": ", kNames[i])));
    }
  }
  for (const char* list : {"additional_special_tokens", "extra_special_tokens"}) {
    const Json& tokens = At(json, list);
    if (!tokens.is_array()) continue;
    for (const Json& token : tokens) {
      WEFT_ASSIGN_OR_RETURN(AddedToken added,
                            ParseAddedToken(token, true, absl::StrCat(path, ": ", list)));
      others->push_back(std::move(added));
    }
  }
  return absl::OkStatus();
}

// Tokens that come with an id.
using Numbered = absl::btree_map<int64_t, AddedToken>;

absl::Status ReadNumberedTokens(const Documents& documents, Numbered* numbered) {
  if (const Json& tokens = At(documents.config, "added_tokens_decoder"); tokens.is_object()) {
    const std::string path = documents.Where("tokenizer_config.json");
    for (const auto& [key, token] : tokens.items()) {
      const std::string where = absl::StrCat(path, ": added_tokens_decoder[\"", key, "\"]");
      int64_t number = -1;
      if (!absl::SimpleAtoi(key, &number)) return Invalid(where, ": expected an id as the key");
      WEFT_ASSIGN_OR_RETURN(const int64_t id, CheckedId(Json(number), where));
      WEFT_ASSIGN_OR_RETURN((*numbered)[id], ParseAddedToken(token, false, where));
    }
    return absl::OkStatus();
  }
  if (!documents.added_tokens.is_null()) {
    const std::string path = documents.Where("added_tokens.json");
    for (const auto& [content, value] : documents.added_tokens.items()) {
      const std::string where = absl::StrCat(path, ": token ", Quoted(content));
      WEFT_ASSIGN_OR_RETURN(const int64_t id, CheckedId(value, where));
      WEFT_ASSIGN_OR_RETURN(AddedToken token, ParseAddedToken(Json(content), false, where));
      token.normalized = true;
      (*numbered)[id] = std::move(token);
    }
  }
  if (const Json& tokens = At(documents.tokenizer, "added_tokens"); tokens.is_array()) {
    const std::string where = absl::StrCat(documents.Where("tokenizer.json"), ": added_tokens");
    for (const Json& token : tokens) {
      WEFT_ASSIGN_OR_RETURN(const int64_t id, CheckedId(At(token, "id"), where));
      WEFT_ASSIGN_OR_RETURN((*numbered)[id], ParseAddedToken(token, false, where));
    }
  }
  return absl::OkStatus();
}

// Adds `token` behind those that are there, as transformers does: tokens that are new get the next
// free id, and flags that come later win. `id` is what the files say, or -1.
absl::Status Add(AddedToken token, int64_t id, const Documents& documents, TokenizerFiles* files,
                 int32_t* next_id) {
  const auto [known, is_new] = files->vocabulary.try_emplace(token.content, *next_id);
  if (is_new) ++*next_id;
  if (id >= 0 && known->second != id) {
    return Invalid("\"", documents.folder, "\": added token ", Quoted(token.content),
                   " should have id ", id, ", but ",
                   is_new ? "the next free id is " : "the vocabulary says ", known->second);
  }
  token.id = known->second;
  const auto same = std::find_if(files->added_tokens.begin(), files->added_tokens.end(),
                                 [&](const AddedToken& other) { return other.id == token.id; });
  if (same != files->added_tokens.end()) {
    *same = std::move(token);
  } else if (files->added_tokens.size() == kMostAddedTokens) {
    return Invalid("\"", documents.folder, "\": adds more than ", kMostAddedTokens, " tokens");
  } else {
    files->added_tokens.push_back(std::move(token));
  }
  return absl::OkStatus();
}

absl::Status ReadAddedTokens(const Documents& documents, TokenizerFiles* files) {
  NamedTokens named;
  std::vector<AddedToken> others;
  for (const auto& [index, token] : {std::pair(0, &files->begin), std::pair(1, &files->end),
                                     std::pair(2, &files->unknown), std::pair(4, &files->pad)}) {
    named[static_cast<size_t>(index)] = AddedToken{.content = *token};
  }
  WEFT_RETURN_IF_ERROR(ReadNamedTokens(documents.config, false,
                                       documents.Where("tokenizer_config.json"), &named, &others));
  Numbered numbered;
  WEFT_RETURN_IF_ERROR(ReadNumberedTokens(documents, &numbered));
  if (!At(documents.config, "added_tokens_decoder").is_object()) {
    WEFT_RETURN_IF_ERROR(ReadNamedTokens(documents.special_tokens, true,
                                         documents.Where("special_tokens_map.json"), &named,
                                         &others));
  }
  files->begin = named[0]->content;
  files->end = named[1]->content;
  files->unknown = named[2]->content;
  files->pad = named[4]->content;
  const auto is_numbered = [&numbered](const std::string& content) {
    return std::any_of(numbered.begin(), numbered.end(),
                       [&](const auto& entry) { return entry.second.content == content; });
  };
  for (const std::string* token : {&files->begin, &files->end}) {
    if (!files->vocabulary.contains(*token) && !is_numbered(*token)) {
      return Invalid("\"", documents.folder, "\": the vocabulary has no token ", Quoted(*token),
                     ", which ", token == &files->end ? "ends" : "begins", " a text");
    }
  }
  auto next_id = static_cast<int32_t>(files->vocabulary.size());
  for (const auto& [id, token] : numbered) {
    WEFT_RETURN_IF_ERROR(Add(token, id, documents, files, &next_id));
  }
  for (const std::optional<AddedToken>& token : named) {
    if (token.has_value() && !is_numbered(token->content)) {
      WEFT_RETURN_IF_ERROR(Add(*token, -1, documents, files, &next_id));
    }
  }
  for (const AddedToken& token : others) {
    if (!is_numbered(token.content)) {
      WEFT_RETURN_IF_ERROR(Add(token, -1, documents, files, &next_id));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadMaxLength(const Documents& documents, TokenizerFiles* files) {
  const Json& length = At(documents.config, "model_max_length");
  if (length.is_null()) return absl::OkStatus();
  const double value = length.is_number() ? length.get<double>() : 0;
  if (!(value >= 3) || value != std::floor(value)) {
    return Invalid(documents.Where("tokenizer_config.json"), ": model_max_length is ",
                   Quoted(length.dump()), ", expected a whole number from 3 up");
  }
  if (value <= kLongestText) files->max_length = static_cast<int64_t>(value);
  return absl::OkStatus();
}

absl::Status ReadKnownWords(const std::string& path, std::vector<std::string>* words) {
  if (!FileExists(path)) return absl::OkStatus();
  WEFT_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  for (const Json& word : json) {
    if (word.is_string()) words->push_back(word.get<std::string>());
  }
  if (json.is_array() && words->size() == json.size()) return absl::OkStatus();
  return Invalid("\"", path, "\": expected a list of words");
}

}  // namespace

absl::StatusOr<TokenizerFiles> ReadTokenizerFiles(absl::string_view folder) {
  Documents documents;
  documents.folder = std::string(folder);
  for (const auto& [file, document] :
       {std::pair("tokenizer.json", &documents.tokenizer),
        std::pair("tokenizer_config.json", &documents.config),
        std::pair("special_tokens_map.json", &documents.special_tokens),
        std::pair("added_tokens.json", &documents.added_tokens)}) {
    WEFT_RETURN_IF_ERROR(ReadObject(documents.Path(file), document));
  }
  TokenizerFiles files;
  if (!documents.tokenizer.is_null()) {
    WEFT_RETURN_IF_ERROR(
        ReadTokenizerJson(documents.tokenizer, documents.Where("tokenizer.json"), &files));
  } else {
    WEFT_RETURN_IF_ERROR(ReadVocabularyAndMerges(documents, &files));
  }
  WEFT_RETURN_IF_ERROR(ReadAddedTokens(documents, &files));
  WEFT_RETURN_IF_ERROR(ReadMaxLength(documents, &files));
  WEFT_RETURN_IF_ERROR(ReadKnownWords(documents.Path("known_words.json"), &files.known_words));
  return files;
}

}  // namespace weft
