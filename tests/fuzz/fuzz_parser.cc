// What libFuzzer calls for one reader, whose name the build gives.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/parsers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const weft::Parser* const parser = weft::FindParser(WEFT_FUZZ_PARSER);
  if (parser == nullptr) {
    std::fputs("no reader is named " WEFT_FUZZ_PARSER "\n", stderr);
    std::abort();
  }
  parser->read(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
