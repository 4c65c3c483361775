#include "runtime/backend/cpu/onednn.h"

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/backend/cpu/kernels/elementwise.h"
#include "runtime/backend/cpu/same_bits.h"
#include "runtime/backend/footprint.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {

const dnnl::engine& Engine() {
  static const auto* engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

dnnl::memory::data_type OneDnnType(DType dtype) {
  return dtype == DType::kBF16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

dnnl::memory MemoryOf(const dnnl::memory::desc& desc, const void* data) {
  return dnnl::memory(desc, Engine(), const_cast<void*>(data));
}

absl::Status CurrentError(absl::string_view what) {
  try {
    throw;
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) {
      return absl::ResourceExhaustedError(absl::StrCat(what, ": out of memory"));
    }
    return absl::InternalError(absl::StrCat(what, ": oneDNN: ", error.message));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat(what, ": out of memory"));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat(what, ": ", error.what()));
  }
}

void AppendActivation(Activation activation, dnnl::post_ops& post_ops) {
  switch (activation) {
    case Activation::kNone:
      return;
    case Activation::kSilu:
      return post_ops.append_eltwise(dnnl::algorithm::eltwise_swish, 1.0f, 0.0f);
    case Activation::kGelu:
      return post_ops.append_eltwise(dnnl::algorithm::eltwise_gelu_erf, 0.0f, 0.0f);
    case Activation::kGeluTanh:
      return post_ops.append_eltwise(dnnl::algorithm::eltwise_gelu_tanh, 0.0f, 0.0f);
    case Activation::kQuickGelu:
      return post_ops.append_eltwise(dnnl::algorithm::eltwise_swish, 1.702f, 0.0f);
    case Activation::kRelu:
      return post_ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
  }
}

bool IsReference(absl::string_view implementation) {
  return absl::StartsWith(implementation, "ref") || absl::StrContains(implementation, "gemm:ref");
}

namespace {

void Reorder(dnnl::memory from, dnnl::memory to) {
  dnnl::stream stream(Engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
}

}  // namespace

absl::StatusOr<WeightLayouts::Layout> WeightLayouts::In(const dnnl::memory::desc& desc,
                                                        const Allocator& allocator) {
  for (const Layout& layout : layouts_) {
    if (layout.desc == desc) return layout;
  }
  Layout made{desc, {}};
  WEFT_ASSIGN_OR_RETURN(made.data, Tensor::Allocate(allocator, DType::kU8,
                                                    Shape{static_cast<int64_t>(desc.get_size())}));
  auto* target = made.data.mutable_data<uint8_t>();
  if (layouts_.empty()) {
    WEFT_RETURN_IF_ERROR(Pack(desc, target, allocator));
  } else {
    Copy(desc, target);
  }
  layouts_.push_back(made);
  return made;
}

void WeightLayouts::Copy(const dnnl::memory::desc& desc, void* target) const {
  Reorder(MemoryOf(layouts_[0].desc, layouts_[0].data.raw()), MemoryOf(desc, target));
}

dnnl::memory::desc WeightLayouts::Rows(int64_t count, int64_t stride, DType dtype) const {
  dnnl::memory::dims dims = dims_;
  dnnl::memory::dims strides(dims.size());
  int64_t step = 1;
  for (int axis = static_cast<int>(dims.size()) - 1; axis >= 0; --axis) {
    if (axis == out_axis_) continue;
    strides[static_cast<size_t>(axis)] = step;
    step *= dims[static_cast<size_t>(axis)];
  }
  dims[static_cast<size_t>(out_axis_)] = count;
  strides[static_cast<size_t>(out_axis_)] = stride;
  return dnnl::memory::desc(dims, OneDnnType(dtype), strides);
}

absl::Status WeightLayouts::Pack(const dnnl::memory::desc& desc, void* target,
                                 const Allocator& allocator) const {
  const auto size = static_cast<int64_t>(SizeOf(rows_.dtype));
  const bool aligned = reinterpret_cast<uintptr_t>(rows_.data) % SizeOf(rows_.dtype) == 0;
  if (aligned && (rows_.dtype == DType::kF32 || rows_.dtype == compute_)) {
    Reorder(MemoryOf(Rows(rows_.count, rows_.stride, rows_.dtype), rows_.data),
            MemoryOf(desc, target));
    return absl::OkStatus();
  }
  // oneDNN cannot read the type. Some rows at a time are converted, so that they stay in cache.
  const auto block_of = [&](int64_t first, int64_t count, bool allow_empty) {
    dnnl::memory::dims dims = dims_;
    dnnl::memory::dims offsets(dims.size(), 0);
    dims[static_cast<size_t>(out_axis_)] = count;
    offsets[static_cast<size_t>(out_axis_)] = first;
    return desc.submemory_desc(dims, offsets, allow_empty);
  };
  int64_t step = PackedRows(rows_.count, rows_.length, compute_);
  const int64_t rest = rows_.count % step;
  const bool divides =
      block_of(0, step, true) && (rest == 0 || block_of(rows_.count - rest, rest, true));
  const auto elements = rows_.count * rows_.length;
  // Where the layout fills up with zeros, they are the whole weight's.
  const bool full = desc.get_size() == static_cast<size_t>(elements) * SizeOf(compute_);
  if (!divides || !full) step = rows_.count;
  WEFT_ASSIGN_OR_RETURN(Tensor block,
                        Tensor::Allocate(allocator, compute_, Shape{step, rows_.length}));
  for (int64_t first = 0; first < rows_.count; first += step) {
    const int64_t count = std::min(step, rows_.count - first);
    ConvertRows(rows_.data + first * rows_.stride * size, rows_.dtype, rows_.stride,
                block.mutable_data<std::byte>(), compute_, count, rows_.length);
    Reorder(MemoryOf(Rows(count, rows_.length, compute_), block.raw()),
            MemoryOf(step == rows_.count ? desc : block_of(first, count, false), target));
  }
  return absl::OkStatus();
}

absl::Status Execute(const Prepared& prepared, Arguments arguments, const Allocator& allocator) {
  Tensor scratchpad;
  if (const size_t bytes = prepared.scratchpad.get_size(); bytes > 0) {
    WEFT_ASSIGN_OR_RETURN(
        scratchpad, Tensor::Allocate(allocator, DType::kU8, Shape{static_cast<int64_t>(bytes)}));
    arguments.emplace(DNNL_ARG_SCRATCHPAD, MemoryOf(prepared.scratchpad, scratchpad.raw()));
  }
  arguments.emplace(DNNL_ARG_WEIGHTS, MemoryOf(prepared.weight.desc, prepared.weight.data.raw()));
  const TeamOf team(prepared.threads);
  dnnl::stream stream(Engine());
  prepared.primitive.execute(stream, arguments);
  stream.wait();
  return absl::OkStatus();
}

}  // namespace weft::cpu
