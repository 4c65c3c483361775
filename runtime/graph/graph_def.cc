#include "runtime/graph/graph_def.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace weft {

Wire Wire::Parse(absl::string_view text) {
  std::vector<std::string> parts = absl::StrSplit(text, '.');
  Wire wire;
  wire.node = parts[0];
  if (parts.size() > 1) wire.port = parts[1];
  if (parts.size() > 2) wire.fields.assign(parts.begin() + 2, parts.end());
  return wire;
}

std::string Wire::ToString() const {
  return absl::StrCat(node, port.empty() ? "" : ".", port, fields.empty() ? "" : ".",
                      absl::StrJoin(fields, "."));
}

}  // namespace weft
