#ifndef WEFT_TESTS_FUZZ_PARSERS_H_
#define WEFT_TESTS_FUZZ_PARSERS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace weft {

// One reader of files from outside, as fuzzers and the tests of hostile files call it.
struct Parser {
  absl::string_view name;
  // Reads `bytes` and everything that they hold, touching each byte of it; whether they were fit
  // to be read.
  bool (*read)(absl::string_view bytes);
  // Files that are, as others write them: what mutations begin with.
  std::vector<std::string> (*seeds)();
  // The most memory that reading `bytes` may take.
  size_t (*justified)(absl::string_view bytes);
};

const std::vector<Parser>& Parsers();
const Parser* FindParser(absl::string_view name);  // null where there is none

// In four files: weights, what is made of weights, text, pictures.
std::vector<Parser> WeightParsers();
std::vector<Parser> ModelParsers();
std::vector<Parser> TextParsers();
std::vector<Parser> PictureParsers();

// Memory for a reader whose every byte may become a value of some hundred bytes.
inline size_t ForValues(absl::string_view bytes) {
  return (size_t{1} << 20) + size_t{400} * bytes.size();
}

// The contents of a file of this repository.
std::string RepositoryFile(const std::string& path);

}  // namespace weft

#endif  // WEFT_TESTS_FUZZ_PARSERS_H_
