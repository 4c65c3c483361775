#ifndef WEFT_TESTS_RUNTIME_WEIGHTS_FILE_BYTES_H_
#define WEFT_TESTS_RUNTIME_WEIGHTS_FILE_BYTES_H_

#include <zstd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace weft {

// The bytes of a safetensors file with this header, true or not, and this data.
inline std::string SafetensorsBytes(const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + header + data;
}

template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

inline std::string Zstd(const std::string& bytes, int level = 3) {
  std::string compressed(ZSTD_compressBound(bytes.size()), '\0');
  compressed.resize(
      ZSTD_compress(compressed.data(), compressed.size(), bytes.data(), bytes.size(), level));
  return compressed;
}

// A frame that does not say how much it holds, as a compressor of a pipe writes it.
inline std::string ZstdOfUnknownSize(const std::string& bytes) {
  std::string compressed(ZSTD_compressBound(bytes.size()) + 64, '\0');
  ZSTD_CStream* stream = ZSTD_createCStream();
  ZSTD_initCStream(stream, 3);
  ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer out = {compressed.data(), compressed.size(), 0};
  ZSTD_compressStream(stream, &out, &in);
  ZSTD_endStream(stream, &out);
  ZSTD_freeCStream(stream);
  compressed.resize(out.pos);
  return compressed;
}

}  // namespace weft

#endif  // WEFT_TESTS_RUNTIME_WEIGHTS_FILE_BYTES_H_
