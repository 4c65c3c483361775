#include "nodes/models/layouts.h"

#include "absl/strings/str_cat.h"

namespace weft {

void NamePairs::Add(std::string original, std::string diffusers) {
  to_original_.emplace(diffusers, original);
  to_diffusers_.emplace(std::move(original), std::move(diffusers));
}

std::string NamePairs::Replace(const Map& map, const std::string& name) {
  for (size_t end = name.size(); end != std::string::npos && end > 0;
       end = name.rfind('.', end - 1)) {
    const auto found = map.find(name.substr(0, end));
    if (found != map.end()) return absl::StrCat(found->second, name.substr(end));
  }
  return "";
}

}  // namespace weft
