#include "nodes/text/text_embedding.h"

#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/weight_store.h"

namespace weft {
namespace {

constexpr absl::string_view kParams = "string_to_param.";  // how nested names are joined

// "learned" of "folder/learned.safetensors.zst".
std::string StemOf(const std::string& path) {
  const std::string file = std::filesystem::path(path).filename().string();
  return file.substr(0, file.find('.'));
}

absl::Status CheckRows(const Weight& rows) {
  const Shape& shape = rows.shape();
  if ((shape.rank() != 1 && shape.rank() != 2) || shape.numel() == 0) {
    return Invalid("tensor ", Quoted(rows.name()), " has shape ", shape.ToString(),
                   ", expected [vectors, width]");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TextEmbedding>> TextEmbedding::Open(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<WeightStore> store, WeightStore::Open(path));
  auto embedding = std::shared_ptr<TextEmbedding>(new TextEmbedding);
  embedding->path_ = path;
  embedding->token_ = StemOf(path);
  const auto take = [&](absl::string_view name, Weight& rows) {
    const Weight* found = store->Find(name);
    if (found != nullptr) rows = *found;
    return found != nullptr;
  };
  take("clip_l", embedding->rows_);
  take("clip_g", embedding->rows_2_);
  if (embedding->rows_.empty() && embedding->rows_2_.empty() &&
      !take("emb_params", embedding->rows_)) {
    std::vector<std::string> names;
    for (const auto& [name, weight] : store->weights()) {
      // The pickle of the original also lists token ids.
      if (absl::StartsWith(name, "string_to_token")) continue;
      names.push_back(name);
    }
    if (names.size() != 1) {
      return Invalid("\"", path, "\": is no embedding: expected one tensor, or \"emb_params\", or ",
                     "\"clip_l\" and \"clip_g\"; it has ",
                     names.empty() ? "none" : absl::StrJoin(names, ", "));
    }
    take(names[0], embedding->rows_);
    absl::string_view token = names[0];
    absl::ConsumePrefix(&token, kParams);
    if (token != "*") embedding->token_ = std::string(token);
  }
  for (const auto& file : store->files()) {
    const auto name = file->metadata().find("name");
    if (name != file->metadata().end() && !name->second.empty()) embedding->token_ = name->second;
  }
  for (const Weight* rows : {&embedding->rows_, &embedding->rows_2_}) {
    if (rows->empty()) continue;
    if (absl::Status shape = CheckRows(*rows); !shape.ok()) {
      return Annotate(shape, absl::StrCat("\"", path, "\""));
    }
  }
  return embedding;
}

}  // namespace weft
