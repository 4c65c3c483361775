#include "runtime/backend/cpu/int8_weights.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "runtime/backend/cpu/kernels/elementwise.h"
#include "runtime/backend/cpu/kernels/quantize.h"
#include "runtime/backend/footprint.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {
namespace {

using Desc = dnnl::memory::desc;

void Reorder(dnnl::memory from, dnnl::memory to) {
  dnnl::stream stream(Engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
}

}  // namespace

Desc Int8Weights::Any() const {
  return Desc(dims_, dnnl::memory::data_type::s8, dnnl::memory::format_tag::any);
}

Desc Int8Weights::Rows(int64_t count) const {
  dnnl::memory::dims dims = dims_;
  dnnl::memory::dims strides(dims.size());
  int64_t step = 1;
  for (int axis = static_cast<int>(dims.size()) - 1; axis >= 0; --axis) {
    if (axis == out_axis_) continue;
    strides[static_cast<size_t>(axis)] = step;
    step *= dims[static_cast<size_t>(axis)];
  }
  dims[static_cast<size_t>(out_axis_)] = count;
  strides[static_cast<size_t>(out_axis_)] = step;
  return Desc(dims, dnnl::memory::data_type::s8, strides);
}

absl::Status Int8Weights::Pack(const StoredRows& rows, const Int8Input& input, const float* bias,
                               const Desc& desc, const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(scales_, Tensor::Allocate(allocator, DType::kF32, Shape{rows.count}));
  WEFT_ASSIGN_OR_RETURN(bias_, Tensor::Allocate(allocator, DType::kF32, Shape{rows.count}));
  WeightLayouts::Layout made{desc, {}};
  WEFT_ASSIGN_OR_RETURN(made.data, Tensor::Allocate(allocator, DType::kU8,
                                                    Shape{static_cast<int64_t>(desc.get_size())}));
  auto* target = made.data.mutable_data<uint8_t>();
  // Scale and zero of each element of a row: those of its input channel.
  const auto channels = static_cast<int64_t>(input.scale.size());
  const int64_t taps = rows.length / channels;
  std::vector<float> factor, zero;
  for (int64_t c = 0; c < channels; ++c) {
    factor.insert(factor.end(), static_cast<size_t>(taps), input.scale[static_cast<size_t>(c)]);
    zero.insert(zero.end(), static_cast<size_t>(taps), input.zero[static_cast<size_t>(c)]);
  }
  const auto block_of = [&](int64_t first, int64_t count, bool allow_empty) {
    dnnl::memory::dims dims = dims_;
    dnnl::memory::dims offsets(dims.size(), 0);
    dims[static_cast<size_t>(out_axis_)] = count;
    offsets[static_cast<size_t>(out_axis_)] = first;
    return desc.submemory_desc(dims, offsets, allow_empty);
  };
  int64_t step = PackedRows(rows.count, rows.length, DType::kF32);
  const int64_t rest = rows.count % step;
  const bool divides =
      block_of(0, step, true) && (rest == 0 || block_of(rows.count - rest, rest, true));
  // Where the layout fills up with zeros, they are the whole weight's.
  if (!divides || desc.get_size() != static_cast<size_t>(rows.count * rows.length)) {
    step = rows.count;
  }
  WEFT_ASSIGN_OR_RETURN(Tensor plain,
                        Tensor::Allocate(allocator, DType::kF32, Shape{step, rows.length}));
  WEFT_ASSIGN_OR_RETURN(Tensor codes,
                        Tensor::Allocate(allocator, DType::kU8, Shape{step, rows.length}));
  const auto size = static_cast<int64_t>(SizeOf(rows.dtype));
  auto* scales = scales_.mutable_data<float>();
  auto* offsets = bias_.mutable_data<float>();
  for (int64_t first = 0; first < rows.count; first += step) {
    const int64_t count = std::min(step, rows.count - first);
    ConvertRows(rows.data + first * rows.stride * size, rows.dtype, rows.stride,
                plain.mutable_data<std::byte>(), DType::kF32, count, rows.length);
    QuantizeWeight(WeightRows{plain.data<float>(), count, rows.length, factor.data(), zero.data()},
                   codes.mutable_data<int8_t>(), scales + first, offsets + first);
    Reorder(MemoryOf(Rows(count), codes.raw()),
            MemoryOf(step == rows.count ? desc : block_of(first, count, false), target));
  }
  for (int64_t r = 0; r < rows.count; ++r) {
    offsets[r] = (bias != nullptr ? bias[r] : 0.0f) - offsets[r];
  }
  layouts_.push_back(std::move(made));
  return absl::OkStatus();
}

absl::StatusOr<WeightLayouts::Layout> Int8Weights::In(const Desc& desc,
                                                      const Allocator& allocator) {
  for (const WeightLayouts::Layout& layout : layouts_) {
    if (layout.desc == desc) return layout;
  }
  WeightLayouts::Layout made{desc, {}};
  WEFT_ASSIGN_OR_RETURN(made.data, Tensor::Allocate(allocator, DType::kU8,
                                                    Shape{static_cast<int64_t>(desc.get_size())}));
  Reorder(MemoryOf(layouts_[0].desc, layouts_[0].data.raw()),
          MemoryOf(desc, made.data.mutable_data<uint8_t>()));
  layouts_.push_back(made);
  return made;
}

void AddScales(const Int8Weights& weights, int64_t out, Arguments& arguments) {
  arguments.emplace(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS,
                    MemoryOf(Desc({out}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::x),
                             weights.scales()));
}

}  // namespace weft::cpu
