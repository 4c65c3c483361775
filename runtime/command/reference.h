#ifndef WEFT_RUNTIME_COMMAND_REFERENCE_H_
#define WEFT_RUNTIME_COMMAND_REFERENCE_H_

#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "runtime/graph/type.h"

namespace weft {

struct Comparison {
  bool comparable = false;           // objects such as models are not
  std::string problem;               // "" where it is near enough
  std::vector<std::string> written;  // references, or what shows the difference
};

// The references of one graph: `folder`/`stem`.OUTPUT.png for pictures (several one below the
// other), .safetensors for tensors, .json for numbers and text.
struct Reference {
  std::string folder;
  std::string stem;
  std::string differences;  // the folder for what shows a difference
  bool update = false;      // write the references instead

  // `bounds`: max_abs and mean_abs, of pictures in 255ths (without any: max_abs 2), of tensors
  // and numbers as shares of the reference's range (max_abs 1e-4). Errors: no reference, a file
  // that cannot be read or written, a bound that is not known.
  absl::StatusOr<Comparison> Check(const std::string& output, const Type& type, const Value& value,
                                   absl::btree_map<std::string, double> bounds) const;

 private:
  std::string Path(const std::string& place, const std::string& output,
                   const std::string& extension) const;
  absl::StatusOr<Comparison> CheckPictures(const std::string& output,
                                           const std::vector<Tensor>& pictures, double max,
                                           double mean) const;
  absl::StatusOr<Comparison> CheckTensor(const std::string& output, const Tensor& tensor,
                                         double max, double mean) const;
  absl::StatusOr<Comparison> CheckScalar(const std::string& output, const Value& value,
                                         double max) const;
};

}  // namespace weft

#endif  // WEFT_RUNTIME_COMMAND_REFERENCE_H_
