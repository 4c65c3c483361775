#include "runtime/backend/cpu/kernels/transpose.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace weft::cpu {
namespace {

TEST(TransposeKernel, PutsTheWordsOfAllRowsNextToEachOther) {
  constexpr uint32_t kUntouched = 0xffffffff;
  for (const int64_t words : {1, 4, 6, 16, 33}) {
    for (const int64_t stride : {4 * words, 4 * words + 6}) {  // bytes, at odd addresses too
      for (const int64_t line : {kTransposedRows, 3 * kTransposedRows}) {
        const int64_t whole = (words + 3) / 4 * 4;
        std::vector<std::byte> rows(static_cast<size_t>(kTransposedRows * stride + 16));
        for (int64_t r = 0; r < kTransposedRows; ++r) {
          for (int64_t w = 0; w < words; ++w) {
            const auto word = static_cast<uint32_t>(1000 * r + w);
            std::memcpy(&rows[static_cast<size_t>(r * stride + 4 * w)], &word, sizeof(word));
          }
        }
        std::vector<uint32_t> lines(static_cast<size_t>(whole * line), kUntouched);
        TransposeWords(rows.data(), stride, words, lines.data(), line);
        for (int64_t w = 0; w < words; ++w) {
          for (int64_t r = 0; r < line; ++r) {
            const auto expected = static_cast<uint32_t>(1000 * r + w);
            ASSERT_EQ(lines[static_cast<size_t>(w * line + r)],
                      r < kTransposedRows ? expected : kUntouched)
                << "word " << w << " of row " << r << ", " << words << " words, " << stride
                << " bytes from row to row";
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace weft::cpu
