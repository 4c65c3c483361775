#ifndef WEFT_TESTS_RUNTIME_BASE_SCRATCH_FOLDER_H_
#define WEFT_TESTS_RUNTIME_BASE_SCRATCH_FOLDER_H_

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace weft {

// An empty folder for one test; gone when the test is.
class ScratchFolder {
 public:
  ScratchFolder() {
    static std::atomic<int> serial{0};
    folder_ = std::filesystem::temp_directory_path() /
              ("weft-test-" + std::to_string(getpid()) + "-" + std::to_string(serial++));
    std::filesystem::create_directories(folder_);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string path() const { return folder_.string(); }
  std::string operator/(const std::string& name) const { return (folder_ / name).string(); }
  // Writes a file and returns its path.
  std::string Put(const std::string& name, const std::string& contents) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << contents;
    return path.string();
  }
  static std::string Contents(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  int CountFiles() const {
    int count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      count += entry.is_directory() ? 0 : 1;
    }
    return count;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace weft

#endif  // WEFT_TESTS_RUNTIME_BASE_SCRATCH_FOLDER_H_
