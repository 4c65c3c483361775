#ifndef WEFT_TESTS_RUNTIME_WEIGHTS_TORCH_BYTES_H_
#define WEFT_TESTS_RUNTIME_WEIGHTS_TORCH_BYTES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/runtime/weights/file_bytes.h"

namespace weft {

template <typename T>
std::string Number(T value) {
  return BytesOf<T>({value});
}

// A zip archive of stored members, as small as one can be.
inline std::string ZipBytes(const std::vector<std::pair<std::string, std::string>>& members,
                            uint16_t method = 0) {
  std::string file;
  std::string directory;
  for (const auto& [name, data] : members) {
    const auto bytes = static_cast<uint32_t>(data.size());
    const auto name_bytes = static_cast<uint16_t>(name.size());
    const std::string common = Number<uint16_t>(0) + Number(method) + std::string(8, '\0') +
                               Number(bytes) + Number(bytes) + Number(name_bytes) +
                               Number<uint16_t>(0);
    directory += std::string("PK\1\2", 4) + Number<uint32_t>(20) + common + std::string(10, '\0') +
                 Number(static_cast<uint32_t>(file.size())) + name;
    file += std::string("PK\3\4", 4) + Number<uint16_t>(20) + common + name + data;
  }
  const auto count = static_cast<uint16_t>(members.size());
  return file + directory + std::string("PK\5\6", 4) + std::string(4, '\0') + Number(count) +
         Number(count) + Number(static_cast<uint32_t>(directory.size())) +
         Number(static_cast<uint32_t>(file.size())) + std::string(2, '\0');
}

// A file of torch.save with this pickle and one storage, "0".
inline std::string TorchZip(const std::string& pickle, const std::string& storage) {
  return ZipBytes({{"archive/data.pkl", pickle}, {"archive/data/0", storage}});
}

// The opcode for a short text.
inline std::string Short(const std::string& text) {
  return std::string("U") + static_cast<char>(text.size()) + text;
}

// {"w": value}
inline std::string OneTensorPickle(const std::string& value) {
  return "\x80\x02}" + Short("w") + value + "s.";
}

// _rebuild_tensor_v2 of a contiguous [rows, columns] view of six floats.
inline std::string TensorCall(uint8_t offset, uint8_t rows, uint8_t columns) {
  const auto byte = [](uint8_t value) { return std::string("K") + static_cast<char>(value); };
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + Short("storage") + "ctorch\nFloatStorage\n" +
         Short("0") + Short("cpu") + byte(6) + "tQ" + byte(offset) + byte(rows) + byte(columns) +
         "\x86" + byte(columns) + byte(1) + "\x86\x89}tR";
}

// _rebuild_tensor_v3 of a [count] tensor of `dtype` in a storage of eight values of `type`.
inline std::string TypedTensorCall(const std::string& type, const std::string& dtype,
                                   uint8_t count) {
  const auto byte = [](uint8_t value) { return std::string("K") + static_cast<char>(value); };
  return "ctorch._utils\n_rebuild_tensor_v3\n((" + Short("storage") + "ctorch\n" + type + "\n" +
         Short("0") + Short("cpu") + byte(8) + "tQ" + byte(0) + byte(count) + "\x85" + byte(1) +
         "\x85\x89}ctorch\n" + dtype + "\n" + "tR";
}

}  // namespace weft

#endif  // WEFT_TESTS_RUNTIME_WEIGHTS_TORCH_BYTES_H_
