#include "runtime/backend/cpu/onednn.h"

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/backend/cpu/same_bits.h"
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

// What an index along `axis` adds to the place of an element.
std::vector<int64_t> PlacesAlong(const dnnl::memory::desc& desc, int axis) {
  const auto blocks = desc.get_inner_blks();
  const auto axes = desc.get_inner_idxs();
  std::vector<int64_t> places(static_cast<size_t>(desc.get_dims()[static_cast<size_t>(axis)]));
  for (size_t i = 0; i < places.size(); ++i) {
    auto index = static_cast<int64_t>(i);
    int64_t stride = 1;
    for (int block = desc.get_inner_nblks() - 1; block >= 0; --block) {
      const int64_t extent = blocks[static_cast<size_t>(block)];
      if (axes[static_cast<size_t>(block)] == axis) {
        places[i] += index % extent * stride;
        index /= extent;
      }
      stride *= extent;
    }
    places[i] += index * desc.get_strides()[static_cast<size_t>(axis)];
  }
  return places;
}

}  // namespace

absl::StatusOr<WeightPlaces> PlacesOf(const dnnl::memory::desc& desc, WeightAxes axes,
                                      size_t element) {
  if (desc.get_format_kind() != dnnl::memory::format_kind::blocked) {
    return absl::InternalError("oneDNN asks for weights in a layout that it keeps to itself");
  }
  WeightPlaces places;
  places.out = PlacesAlong(desc, axes.out);
  places.in = PlacesAlong(desc, axes.in);
  places.tap = {0};
  for (int axis = 0; axis < desc.get_ndims(); ++axis) {
    if (axis == axes.out || axis == axes.in) continue;
    std::vector<int64_t> taps;
    for (const int64_t before : places.tap) {
      for (const int64_t place : PlacesAlong(desc, axis)) taps.push_back(before + place);
    }
    places.tap = std::move(taps);
  }
  places.size = static_cast<int64_t>(desc.get_size() / element);
  return places;
}

void Reorder(const dnnl::memory& from, const dnnl::memory& to) {
  dnnl::memory source = from;
  dnnl::memory target = to;
  dnnl::stream stream(Engine());
  dnnl::reorder(source, target).execute(stream, source, target);
  stream.wait();
}

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
    WEFT_ASSIGN_OR_RETURN(const WeightPlaces places, PlacesOf(desc, axes_, SizeOf(compute_)));
    WEFT_RETURN_IF_ERROR(PackWeights(rows_, places, compute_, target));
  } else {
    Copy(desc, target);
  }
  layouts_.push_back(made);
  return made;
}

void WeightLayouts::Copy(const dnnl::memory::desc& desc, void* target) const {
  Reorder(MemoryOf(layouts_[0].desc, layouts_[0].data.raw()), MemoryOf(desc, target));
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
