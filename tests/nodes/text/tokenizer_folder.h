#ifndef WEFT_TESTS_NODES_TEXT_TOKENIZER_FOLDER_H_
#define WEFT_TESTS_NODES_TEXT_TOKENIZER_FOLDER_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "nodes/text/byte_pair_encoding.h"

namespace weft {

// A folder of its own for each test, which goes when the test ends.
class TokenizerFolder {
 public:
  TokenizerFolder() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(::testing::TempDir()) /
            (std::string("weft_") + test->test_suite_name() + "_" + test->name());
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TokenizerFolder() { std::filesystem::remove_all(path_); }
  TokenizerFolder(const TokenizerFolder&) = delete;
  TokenizerFolder& operator=(const TokenizerFolder&) = delete;

  std::string path() const { return path_.string(); }
  void Write(absl::string_view file, absl::string_view contents) const {
    std::ofstream(path_ / std::string(file), std::ios::binary) << contents;
  }
  // The tokenizer that the goldens were made with: vocab.json and merges.txt.
  void CopyGoldenVocabulary() const {
    const std::filesystem::path goldens =
        std::filesystem::path(WEFT_SOURCE_DIR) / "tests/goldens/tokenizer";
    for (const char* file : {"vocab.json", "merges.txt"}) {
      std::filesystem::copy_file(goldens / file, path_ / file);
    }
  }
  // vocab.json and merges.txt of all bytes, "<|startoftext|>" 512, "<|endoftext|>" 513, and the
  // merges "a b", "ab c</w>" (514, 515).
  void WriteSmallVocabulary() const {
    Write("vocab.json", SmallVocabulary().dump());
    Write("merges.txt", "#version: 0.2\na b\nab c</w>\n");
  }
  static nlohmann::json SmallVocabulary() {
    nlohmann::json vocabulary;
    for (int byte = 0; byte < 256; ++byte) {
      vocabulary[ByteSymbol(static_cast<uint8_t>(byte))] = byte;
      vocabulary[ByteSymbol(static_cast<uint8_t>(byte)) + "</w>"] = 256 + byte;
    }
    vocabulary["<|startoftext|>"] = 512;
    vocabulary["<|endoftext|>"] = 513;
    vocabulary["ab"] = 514;
    vocabulary["abc</w>"] = 515;
    return vocabulary;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace weft

#endif  // WEFT_TESTS_NODES_TEXT_TOKENIZER_FOLDER_H_
