#include "tests/fuzz/parsers.h"

#include "tests/runtime/base/scratch_folder.h"

namespace weft {

std::string RepositoryFile(const std::string& path) {
  return ScratchFolder::Contents(WEFT_SOURCE_DIR "/" + path);
}

const std::vector<Parser>& Parsers() {
  static const std::vector<Parser> parsers = [] {
    std::vector<Parser> all = WeightParsers();
    for (const auto& more : {ModelParsers(), TextParsers(), PictureParsers()}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }();
  return parsers;
}

const Parser* FindParser(absl::string_view name) {
  for (const Parser& parser : Parsers()) {
    if (parser.name == name) return &parser;
  }
  return nullptr;
}

}  // namespace weft
