#include "runtime/graph/composites.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

// "EncodePrompt" → "encode_prompt"
std::string FileStem(absl::string_view type) {
  std::string stem;
  for (const char c : type) {
    if (absl::ascii_isupper(static_cast<unsigned char>(c)) && !stem.empty()) stem += '_';
    stem += absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  return stem;
}

// "encode_prompt" → "EncodePrompt"
std::string TypeName(absl::string_view stem) {
  std::string type;
  bool upper = true;
  for (const char c : stem) {
    if (c == '_') {
      upper = true;
      continue;
    }
    type += upper ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c;
    upper = false;
  }
  return type;
}

bool IsTypeName(absl::string_view type) {
  if (type.empty() || type.size() > 128) return false;
  for (const char c : type) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const GraphDef>> Composites::Find(const std::string& type,
                                                                 const GraphDef& inlined) {
  if (const auto it = inlined.composites.find(type); it != inlined.composites.end()) {
    return it->second;
  }
  if (const auto it = loaded_.find(type); it != loaded_.end()) return it->second;
  if (IsTypeName(type)) {  // anything else could name a path
    for (const std::string& folder : folders_) {
      for (const std::string& extension : GraphExtensions(readers_)) {
        const std::string path = (fs::path(folder) / (FileStem(type) + extension)).string();
        std::error_code error;
        if (!fs::is_regular_file(path, error)) continue;
        WEFT_ASSIGN_OR_RETURN(GraphDef graph, LoadGraph(path, readers_));
        auto shared = std::make_shared<const GraphDef>(std::move(graph));
        loaded_[type] = shared;
        return std::shared_ptr<const GraphDef>(shared);
      }
    }
  }
  return absl::NotFoundError(absl::StrCat("unknown node type \"", type, "\""));
}

std::vector<std::string> Composites::TypeNames() const {
  std::vector<std::string> names;
  const std::vector<std::string> extensions = GraphExtensions(readers_);
  for (const std::string& folder : folders_) {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string extension = it->path().extension().string();
      if (std::find(extensions.begin(), extensions.end(), extension) == extensions.end()) continue;
      names.push_back(TypeName(it->path().stem().string()));
    }
  }
  return names;
}

}  // namespace weft
