#ifndef WEFT_RUNTIME_COMMAND_OUTPUT_FOLDER_H_
#define WEFT_RUNTIME_COMMAND_OUTPUT_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "runtime/graph/plan.h"

namespace weft {

// What of a run will surely write below its output folder: an output that gives pictures, or a node
// that saves: "output \"image\"", "node \"save\"". "" where there is none. `outside`: whether nodes
// may write elsewhere.
std::string WriterOf(const Plan& plan, bool outside);

// Whether files can be made in `folder`: what takes long shall not be lost at its end. A folder
// that is not there is made for a moment; nothing is left behind.
absl::Status CheckFolder(const std::string& folder);

}  // namespace weft

#endif  // WEFT_RUNTIME_COMMAND_OUTPUT_FOLDER_H_
