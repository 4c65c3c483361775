#ifndef WEFT_RUNTIME_WEIGHTS_GGUF_TYPE_H_
#define WEFT_RUNTIME_WEIGHTS_GGUF_TYPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/weights/stored_type.h"

namespace weft {

// How GGUF stores numbers: as they are, or in blocks of small integers that share a scale.
// Source: ggml's block structures; the arithmetic is that of the gguf package's dequantize.
struct GgufType {
  uint32_t id;
  absl::string_view name;
  std::optional<StoredType> plain;  // none for blocks
  size_t block_elements = 1;
  size_t block_bytes = 0;
  // Turns `blocks` blocks into as many times block_elements floats.
  void (*dequantize)(const std::byte* from, size_t blocks, float* to) = nullptr;
};

// Null for types that are not read; then GgufTypeName still knows those that exist.
const GgufType* FindGgufType(uint32_t id);
std::string GgufTypeName(uint32_t id);
std::string ReadableGgufTypes();  // all names, for errors

// 32 elements a block: value = scale · q (+ least), scales in f16.
void DequantizeQ8_0(const std::byte* from, size_t blocks, float* to);
void DequantizeQ4_0(const std::byte* from, size_t blocks, float* to);
void DequantizeQ4_1(const std::byte* from, size_t blocks, float* to);
void DequantizeQ5_0(const std::byte* from, size_t blocks, float* to);
void DequantizeQ5_1(const std::byte* from, size_t blocks, float* to);
// 256 elements a block: the scales of groups of 32 (16 in Q6_K) are small integers themselves.
void DequantizeQ4_K(const std::byte* from, size_t blocks, float* to);
void DequantizeQ5_K(const std::byte* from, size_t blocks, float* to);
void DequantizeQ6_K(const std::byte* from, size_t blocks, float* to);

}  // namespace weft

#endif  // WEFT_RUNTIME_WEIGHTS_GGUF_TYPE_H_
