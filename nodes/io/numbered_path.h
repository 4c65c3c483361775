#ifndef WEFT_NODES_IO_NUMBERED_PATH_H_
#define WEFT_NODES_IO_NUMBERED_PATH_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"

namespace weft {

// "a/b.png", 3 → "a/b_3.png".
inline std::string NumberedPath(const std::string& path, int64_t number) {
  const std::filesystem::path given(path);
  const std::string name =
      absl::StrCat(given.stem().string(), "_", number, given.extension().string());
  return (given.parent_path() / name).string();
}

}  // namespace weft

#endif  // WEFT_NODES_IO_NUMBERED_PATH_H_
