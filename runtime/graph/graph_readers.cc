#include "runtime/graph/graph_readers.h"

#include <filesystem>

#include "runtime/graph/graph_json.h"

namespace weft {

absl::StatusOr<GraphDef> LoadGraph(const std::string& path, const GraphReaders& readers) {
  const auto it = readers.find(std::filesystem::path(path).extension().string());
  return it != readers.end() ? it->second(path) : LoadGraphJson(path);
}

std::vector<std::string> GraphExtensions(const GraphReaders& readers) {
  std::vector<std::string> extensions = {".json"};
  for (const auto& [extension, reader] : readers) extensions.push_back(extension);
  return extensions;
}

}  // namespace weft
