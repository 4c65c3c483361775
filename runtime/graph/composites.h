#ifndef WEFT_RUNTIME_GRAPH_COMPOSITES_H_
#define WEFT_RUNTIME_GRAPH_COMPOSITES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "runtime/graph/graph_def.h"
#include "runtime/graph/graph_readers.h"

namespace weft {

// Finds graph files that serve as node types: type "EncodePrompt" is the file encode_prompt.json,
// or one of that name in a format that a reader knows.
class Composites {
 public:
  // Folders in the order of search.
  explicit Composites(std::vector<std::string> folders, GraphReaders readers = {})
      : folders_(std::move(folders)), readers_(std::move(readers)) {}

  // The composite `type`: from `inlined` first, then from the folders. NOT_FOUND if there is none;
  // other errors are those of its file. Files are read once.
  absl::StatusOr<std::shared_ptr<const GraphDef>> Find(const std::string& type,
                                                       const GraphDef& inlined);
  // The types that the folders offer.
  std::vector<std::string> TypeNames() const;

 private:
  std::vector<std::string> folders_;
  GraphReaders readers_;
  absl::btree_map<std::string, std::shared_ptr<const GraphDef>> loaded_;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_GRAPH_COMPOSITES_H_
