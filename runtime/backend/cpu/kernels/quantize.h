#ifndef WEFT_RUNTIME_BACKEND_CPU_KERNELS_QUANTIZE_H_
#define WEFT_RUNTIME_BACKEND_CPU_KERNELS_QUANTIZE_H_

#include <cstdint>
#include <vector>

#include "runtime/tensor/dtype.h"
#include "runtime/tensor/int8_input.h"

namespace weft::cpu {

// Int8Input as the kernels take it: code = round(x · inverse[c] + zero[c]), held within 0..255.
struct CodeMaker {
  explicit CodeMaker(const Int8Input& input);

  std::vector<float> inverse;  // 1 / scale
  std::vector<float> zero;
  std::vector<uint8_t> zero_code;
};

// A row: `channels` values from channel `first` on. By the calling thread alone.
void QuantizeRow(const void* x, DType dtype, int64_t first, int64_t channels,
                 const CodeMaker& maker, uint8_t* codes);

// [rows, channels] f32 or bf16, of channels `first` and on, into rows `stride` codes apart. By the
// whole team, as all that follow.
void QuantizeRows(const void* x, DType dtype, int64_t rows, int64_t first, int64_t channels,
                  const CodeMaker& maker, uint8_t* codes, int64_t stride);

// Pictures with a border of zeros around them, so that convolutions need no padding.
struct CodeFrame {
  int64_t batch = 0;
  int64_t height = 0;  // without the border
  int64_t width = 0;
  int64_t channels = 0;  // of all sources
  int64_t top = 0, left = 0, bottom = 0, right = 0;

  int64_t FullHeight() const { return top + height + bottom; }
  int64_t FullWidth() const { return left + width + right; }
  int64_t bytes() const { return batch * FullHeight() * FullWidth() * channels; }
};
// [batch, height, width, count] into the channels `first` and on of the frame, with their border.
void QuantizePictures(const void* x, DType dtype, const CodeFrame& frame, int64_t first,
                      int64_t count, const CodeMaker& maker, uint8_t* codes);
// The border alone, of all channels.
void FillBorder(const CodeFrame& frame, const CodeMaker& maker, uint8_t* codes);

// A row of a weight as codes -127..127: row[i] · factor[i] ≈ scale · code. A row may be taken piece
// by piece: first for the largest |row[i] · factor[i]| of all, then for the codes by the scale that
// WeightScale makes of it. By the calling thread alone.
float LargestWeight(const float* row, int64_t count, const float* factor);
float WeightScale(float largest);
// Returns Σ code · zero[i].
int64_t WeightCodes(const float* row, int64_t count, const float* factor, const float* zero,
                    float scale, int8_t* codes);

}  // namespace weft::cpu

#endif  // WEFT_RUNTIME_BACKEND_CPU_KERNELS_QUANTIZE_H_
