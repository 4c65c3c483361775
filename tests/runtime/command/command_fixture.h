#ifndef WEFT_TESTS_RUNTIME_COMMAND_COMMAND_FIXTURE_H_
#define WEFT_TESTS_RUNTIME_COMMAND_COMMAND_FIXTURE_H_

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

#include "tests/runtime/base/scratch_folder.h"

namespace weft {

struct Ended {
  int code = -1;
  std::string out;
  std::string err;
};

// Runs `weft arguments` in `folder` through a shell.
inline Ended Weft(const ScratchFolder& folder, const std::string& arguments,
                  const std::string& before = "") {
  const std::string err = folder / "stderr.txt";
  const std::string command = "cd '" + folder.path() + "' && " + before + " '" + WEFT_COMMAND +
                              "' " + arguments + " 2>'" + err + "'";
  Ended ended;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return ended;
  std::array<char, 4096> buffer;
  size_t size = 0;
  while ((size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
    ended.out.append(buffer.data(), size);
  }
  const int status = pclose(pipe);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ended.err = ScratchFolder::Contents(err);
  return ended;
}

// A graph without nodes: its params are its outputs.
constexpr char kEcho[] = R"({
  "weft": 1,
  "title": "Echo",
  "params": {
    "count": {"type": "int", "default": 3, "min": 1, "max": 9},
    "scale": {"type": "float", "default": 0.5},
    "words": {"type": "text", "default": "a b"},
    "loud":  {"type": "bool", "default": false}
  },
  "nodes": {},
  "outputs": {"count": "graph.count", "scale": "graph.scale", "words": "graph.words", "loud": "graph.loud"}
})";

constexpr char kStrip[] = R"({
  "weft": 1,
  "nodes": {
    "shape": {"type": "RectangleMask", "params": {"width": 16, "height": 8, "left": 0, "top": 0, "right": 4, "bottom": 8}},
    "image": {"type": "MaskToImage", "inputs": {"mask": "shape"}}
  },
  "outputs": {"image": "image"}
})";

}  // namespace weft

#endif  // WEFT_TESTS_RUNTIME_COMMAND_COMMAND_FIXTURE_H_
