#include "runtime/backend/cpu/int8_weights.h"

#include "runtime/backend/cpu/kernels/pack_weights.h"
#include "runtime/base/status_macros.h"

namespace weft::cpu {

dnnl::memory::desc Int8Weights::Any() const {
  return dnnl::memory::desc(dims_, dnnl::memory::data_type::s8, dnnl::memory::format_tag::any);
}

absl::Status Int8Weights::Pack(const StoredRows& rows, const Int8Input& input, const float* bias,
                               const dnnl::memory::desc& desc, const Allocator& allocator) {
  WEFT_ASSIGN_OR_RETURN(scales_, Tensor::Allocate(allocator, DType::kF32, Shape{rows.count}));
  WEFT_ASSIGN_OR_RETURN(bias_, Tensor::Allocate(allocator, DType::kF32, Shape{rows.count}));
  WEFT_ASSIGN_OR_RETURN(const WeightPlaces places, PlacesOf(desc, axes_, 1));
  WeightLayouts::Layout made{desc, {}};
  WEFT_ASSIGN_OR_RETURN(made.data, Tensor::Allocate(allocator, DType::kU8, Shape{places.size}));
  const std::vector<float> zero(input.zero.begin(), input.zero.end());
  auto* offsets = bias_.mutable_data<float>();
  WEFT_RETURN_IF_ERROR(PackWeightCodes(
      rows, places, {input.scale.data(), zero.data(), scales_.mutable_data<float>(), offsets},
      reinterpret_cast<int8_t*>(made.data.mutable_data<uint8_t>())));
  for (int64_t r = 0; r < rows.count; ++r) {
    offsets[r] = (bias != nullptr ? bias[r] : 0.0f) - offsets[r];
  }
  layouts_.push_back(std::move(made));
  return absl::OkStatus();
}

absl::StatusOr<WeightLayouts::Layout> Int8Weights::In(const dnnl::memory::desc& desc,
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
  const dnnl::memory::desc desc({out}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::x);
  arguments.emplace(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, MemoryOf(desc, weights.scales()));
}

}  // namespace weft::cpu
