// fuzz_seeds FOLDER: writes FOLDER/READER/0, 1, …, the files that fuzzers begin with.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/fuzz/parsers.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_seeds FOLDER\n", stderr);
    return 2;
  }
  for (const weft::Parser& parser : weft::Parsers()) {
    const std::filesystem::path folder = std::filesystem::path(argv[1]) / std::string(parser.name);
    std::filesystem::create_directories(folder);
    int number = 0;
    for (const std::string& seed : parser.seeds()) {
      std::ofstream(folder / std::to_string(number++), std::ios::binary) << seed;
    }
  }
  return 0;
}
