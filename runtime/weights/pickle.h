#ifndef WEFT_RUNTIME_WEIGHTS_PICKLE_H_
#define WEFT_RUNTIME_WEIGHTS_PICKLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace weft {

// A pickle is a program for a stack machine, and Python's machine calls whatever the program names.
// This one builds a tree of inert values instead: a call becomes a note that there was one, a class
// becomes its name, and nothing is ever run or imported. Source: Python's pickletools.

using PickleRef = uint32_t;  // a value's position in Pickle::values
inline constexpr PickleRef kPickleNone = 0;

struct PickleValue {
  enum class Kind : uint8_t {
    kNone,
    kBool,
    kInt,
    kFloat,
    kText,        // str
    kBytes,       // bytes, bytearray, an int of more than 64 bits
    kTuple,       // items
    kList,        // items
    kSet,         // items
    kDict,        // items: key, value, key, value …
    kGlobal,      // text: "torch._utils._rebuild_tensor_v2"
    kObject,      // callable(*args), state from BUILD; items: what was set by key, as in kDict
    kPersistent,  // args: the id of something that lies beside the pickle
  };
  Kind kind = Kind::kNone;
  PickleRef callable = kPickleNone;
  PickleRef args = kPickleNone;
  PickleRef state = kPickleNone;
  int64_t integer = 0;  // kBool, kInt
  double number = 0;    // kFloat
  // A window on the pickle, or on Pickle::names.
  absl::string_view text;
  std::vector<PickleRef> items;
};

struct Pickle {
  std::deque<PickleValue> values;  // values[kPickleNone] is None
  std::deque<std::string> names;   // of globals, each once
  PickleRef root = kPickleNone;
  size_t bytes = 0;  // how many of the given bytes were the pickle

  const PickleValue& operator[](PickleRef ref) const { return values[ref]; }
};

// Reads the pickle that `bytes` begin with (protocols 2 to 5), which must outlive the result. Its
// memory is bounded by a multiple of the pickle's length. Values may form circles: whoever walks
// the tree must count his steps.
absl::StatusOr<Pickle> ReadPickle(absl::string_view bytes);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_PICKLE_H_
