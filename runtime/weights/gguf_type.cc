#include "runtime/weights/gguf_type.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weft {
namespace {

constexpr std::array<GgufType, 16> kTypes = {{
    {.id = 0, .name = "F32", .plain = StoredType::kF32, .block_bytes = 4},
    {.id = 1, .name = "F16", .plain = StoredType::kF16, .block_bytes = 2},
    {.id = 30, .name = "BF16", .plain = StoredType::kBF16, .block_bytes = 2},
    {.id = 8,
     .name = "Q8_0",
     .block_elements = 32,
     .block_bytes = 34,
     .dequantize = DequantizeQ8_0},
    {.id = 2,
     .name = "Q4_0",
     .block_elements = 32,
     .block_bytes = 18,
     .dequantize = DequantizeQ4_0},
    {.id = 3,
     .name = "Q4_1",
     .block_elements = 32,
     .block_bytes = 20,
     .dequantize = DequantizeQ4_1},
    {.id = 6,
     .name = "Q5_0",
     .block_elements = 32,
     .block_bytes = 22,
     .dequantize = DequantizeQ5_0},
    {.id = 7,
     .name = "Q5_1",
     .block_elements = 32,
     .block_bytes = 24,
     .dequantize = DequantizeQ5_1},
    {.id = 12,
     .name = "Q4_K",
     .block_elements = 256,
     .block_bytes = 144,
     .dequantize = DequantizeQ4_K},
    {.id = 13,
     .name = "Q5_K",
     .block_elements = 256,
     .block_bytes = 176,
     .dequantize = DequantizeQ5_K},
    {.id = 14,
     .name = "Q6_K",
     .block_elements = 256,
     .block_bytes = 210,
     .dequantize = DequantizeQ6_K},
    {.id = 28, .name = "F64", .plain = StoredType::kF64, .block_bytes = 8},
    {.id = 24, .name = "I8", .plain = StoredType::kI8, .block_bytes = 1},
    {.id = 25, .name = "I16", .plain = StoredType::kI16, .block_bytes = 2},
    {.id = 26, .name = "I32", .plain = StoredType::kI32, .block_bytes = 4},
    {.id = 27, .name = "I64", .plain = StoredType::kI64, .block_bytes = 8},
}};

struct OtherType {
  uint32_t id;
  absl::string_view name;
};
constexpr std::array<OtherType, 18> kOthers = {{{9, "Q8_1"},
                                                {10, "Q2_K"},
                                                {11, "Q3_K"},
                                                {15, "Q8_K"},
                                                {16, "IQ2_XXS"},
                                                {17, "IQ2_XS"},
                                                {18, "IQ3_XXS"},
                                                {19, "IQ1_S"},
                                                {20, "IQ4_NL"},
                                                {21, "IQ3_S"},
                                                {22, "IQ2_S"},
                                                {23, "IQ4_XS"},
                                                {29, "IQ1_M"},
                                                {34, "TQ1_0"},
                                                {35, "TQ2_0"},
                                                {39, "MXFP4"},
                                                {40, "NVFP4"},
                                                {41, "Q1_0"}}};

}  // namespace

const GgufType* FindGgufType(uint32_t id) {
  for (const GgufType& type : kTypes) {
    if (type.id == id) return &type;
  }
  return nullptr;
}

std::string GgufTypeName(uint32_t id) {
  if (const GgufType* known = FindGgufType(id)) return std::string(known->name);
  for (const OtherType& other : kOthers) {
    if (other.id == id) return std::string(other.name);
  }
  return absl::StrCat("number ", id);
}

std::string ReadableGgufTypes() {
  return absl::StrJoin(kTypes, ", ", [](std::string* out, const GgufType& type) {
    absl::StrAppend(out, type.name);
  });
}

}  // namespace weft
