#include "runtime/command/output_folder.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

// A node of `block` that writes files and always runs, or null.
const PlannedNode* SaverIn(const Block& block) {
  for (const PlannedNode& planned : block) {
    if (planned.node != nullptr) {
      const Contract& contract = planned.node->contract;
      if (contract.effect && contract.category == "io") return &planned;
    } else if (planned.loop != nullptr) {
      if (const PlannedNode* inside = SaverIn(planned.loop->body)) return inside;
    }
  }
  return nullptr;
}

}  // namespace

std::string WriterOf(const Plan& plan, bool outside) {
  for (const PlannedOutput& output : plan.outputs) {
    if (output.type.name == "image") return absl::StrCat("output \"", output.name, "\"");
  }
  const PlannedNode* saver = outside ? nullptr : SaverIn(plan.nodes);
  return saver != nullptr ? absl::StrCat("node \"", saver->path, "\"") : "";
}

absl::Status CheckFolder(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> missing;  // the innermost first
  for (fs::path path = fs::absolute(folder, error).lexically_normal();
       path.has_relative_path() && !fs::exists(path, error); path = path.parent_path()) {
    missing.push_back(path);
  }
  absl::Status status = MakeFolder(folder);
  if (status.ok()) status = AtomicFile::Create((fs::path(folder) / "file").string()).status();
  for (const fs::path& path : missing) rmdir(path.c_str());  // removes empty folders alone
  return status;
}

}  // namespace weft
