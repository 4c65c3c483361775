#include "nodes/io/write_tokenizer.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "nodes/text/clip_vocabulary.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

Json SpecialToken(const std::string& content) {
  return {{"content", content},
          {"lstrip", false},
          {"normalized", true},
          {"rstrip", false},
          {"single_word", false}};
}

}  // namespace

absl::Status WriteClipTokenizer(const std::string& folder,
                                const std::vector<std::string>& model_folders,
                                absl::string_view pad) {
  WEFT_ASSIGN_OR_RETURN(const std::string vocabulary, FindClipVocabulary(model_folders));
  WEFT_ASSIGN_OR_RETURN(const TokenizerFiles files, ClipTokenizerFiles(vocabulary, pad));
  WEFT_RETURN_IF_ERROR(MakeFolder(folder));
  const auto write = [&folder](const char* name, const std::string& text) {
    return WriteFile((std::filesystem::path(folder) / name).string(), text);
  };
  Json ids = Json::object();
  std::vector<const std::string*> by_id(files.vocabulary.size());
  for (const auto& [token, id] : files.vocabulary) by_id[static_cast<size_t>(id)] = &token;
  for (size_t id = 0; id < by_id.size(); ++id) ids[*by_id[id]] = id;
  WEFT_RETURN_IF_ERROR(write("vocab.json", ids.dump()));
  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : files.merges) absl::StrAppend(&merges, left, " ", right, "\n");
  WEFT_RETURN_IF_ERROR(write("merges.txt", merges));
  const Json special = {{"bos_token", SpecialToken(files.begin)},
                        {"eos_token", SpecialToken(files.end)},
                        {"pad_token", files.pad},
                        {"unk_token", SpecialToken(files.unknown)}};
  WEFT_RETURN_IF_ERROR(write("special_tokens_map.json", special.dump(2) + "\n"));
  Json config = {{"add_prefix_space", false}, {"do_lower_case", true}, {"errors", "replace"}};
  config["model_max_length"] = files.max_length;
  config["tokenizer_class"] = "CLIPTokenizer";
  config.update(special);
  return write("tokenizer_config.json", config.dump(2) + "\n");
}

}  // namespace weft
