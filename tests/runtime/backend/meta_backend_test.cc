// Dry runs: the shapes and the memory of the CPU backend, without either.
#include "runtime/backend/meta/meta_backend.h"

#include <cstring>
#include <functional>

#include "runtime/backend/cpu/cpu_backend.h"
#include "tests/runtime/backend/reference.h"

namespace weft {
namespace {

Tensor Of(const Allocator& allocator, DType dtype, const Shape& shape) {
  if (allocator.device() == Device::kCpu) {
    Tensor x = *Tensor::Allocate(allocator, dtype, shape);
    std::memset(x.mutable_data<std::byte>(), 0, x.bytes());
    return x;
  }
  return *Tensor::Allocate(allocator, dtype, shape);
}

using Body = std::function<absl::StatusOr<Tensor>(Backend&, const Allocator&, DType)>;

// Runs on both backends: equal shapes and types, and peaks within 10%.
void ExpectAlike(const char* what, const Body& body) {
  const auto cpu = MakeCpuBackend();
  const auto meta = MakeMetaBackend();
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const Allocator real(Device::kCpu), dry(Device::kMeta);
    const auto y = body(*cpu, real, dtype);
    const auto shape = body(*meta, dry, dtype);
    ASSERT_TRUE(y.ok()) << what << ": " << y.status();
    ASSERT_TRUE(shape.ok()) << what << ": " << shape.status();
    EXPECT_TRUE(shape->is_meta()) << what;
    EXPECT_EQ(shape->shape(), y->shape()) << what;
    EXPECT_EQ(shape->dtype(), y->dtype()) << what;
    if (dtype == DType::kBF16 && !SupportsBf16()) continue;  // computes in f32, takes more
    const auto measured = static_cast<double>(real.meter()->peak());
    EXPECT_NEAR(static_cast<double>(dry.meter()->peak()), measured, 0.1 * measured)
        << what << " in " << Name(dtype);
  }
}

absl::StatusOr<Tensor> Convolve(Backend& backend, const Allocator& allocator, DType dtype,
                                const ConvSpec& spec, const std::vector<Shape>& shapes,
                                bool per_channel, bool residual, bool once = false) {
  std::vector<Tensor> sources;
  for (const Shape& shape : shapes) sources.push_back(Of(allocator, dtype, shape));
  const Tensor weight = Of(Allocator(allocator.device()), DType::kF32,
                           Shape{spec.out_channels, spec.in_channels, spec.kernel, spec.kernel});
  const auto packed =
      once ? backend.PackConvForOneUse(spec, weight, Tensor(), sources, dtype, allocator)
           : backend.PackConv(spec, weight, Tensor(), sources, dtype, allocator);
  if (!packed.ok()) return packed.status();
  Epilogue epilogue;
  if (per_channel) {
    epilogue.per_channel = Of(allocator, dtype, Shape{shapes[0].dim(0), spec.out_channels});
  }
  if (residual) {
    epilogue.residual =
        Of(allocator, dtype,
           Shape{shapes[0].dim(0), shapes[0].dim(1), shapes[0].dim(2), spec.out_channels});
  }
  return backend.Conv2d(**packed, sources, std::move(epilogue), allocator);
}

TEST(MetaBackend, PredictsConvolutions) {
  ConvSpec spec;
  spec.in_channels = 128;
  spec.out_channels = 96;
  ExpectAlike("plain", [&](Backend& b, const Allocator& a, DType t) {
    return Convolve(b, a, t, spec, {Shape{2, 32, 32, 128}}, false, false);
  });
  ExpectAlike("residual in place", [&](Backend& b, const Allocator& a, DType t) {
    return Convolve(b, a, t, spec, {Shape{2, 32, 32, 128}}, false, true);
  });
  ExpectAlike("two sources", [&](Backend& b, const Allocator& a, DType t) {
    return Convolve(b, a, t, spec, {Shape{2, 16, 16, 64}, Shape{2, 16, 16, 64}}, true, false);
  });
  ExpectAlike("large, two sources", [&](Backend& b, const Allocator& a, DType t) {
    return Convolve(b, a, t, spec, {Shape{2, 64, 64, 64}, Shape{2, 64, 64, 64}}, true, false);
  });
  ConvSpec doubled = spec;
  doubled.upsample = true;
  ExpectAlike("upsampling", [&](Backend& b, const Allocator& a, DType t) {
    return Convolve(b, a, t, doubled, {Shape{2, 16, 20, 128}}, false, false);
  });
  ConvSpec strided = spec;
  strided.stride = 2;
  strided.pad_begin = 0;
  ExpectAlike("strided", [&](Backend& b, const Allocator& a, DType t) {
    return Convolve(b, a, t, strided, {Shape{1, 33, 32, 128}}, false, false);
  });
}

TEST(MetaBackend, PredictsConvolutionsWhoseWeightsArePackedForOneUse) {
  ConvSpec spec;
  spec.in_channels = 1280;
  spec.out_channels = 1024;  // too many for Winograd's method
  ExpectAlike("one source", [&](Backend& b, const Allocator& a, DType t) {
    return Convolve(b, a, t, spec, {Shape{2, 4, 4, 1280}}, true, true, true);
  });
  ExpectAlike("two sources", [&](Backend& b, const Allocator& a, DType t) {
    return Convolve(b, a, t, spec, {Shape{2, 4, 4, 640}, Shape{2, 4, 4, 640}}, true, false, true);
  });
  ExpectAlike("large, two sources", [&](Backend& b, const Allocator& a, DType t) {
    return Convolve(b, a, t, spec, {Shape{2, 32, 32, 640}, Shape{2, 32, 32, 640}}, false, false,
                    true);
  });
  ConvSpec doubled = spec;
  doubled.upsample = true;
  ExpectAlike("upsampling", [&](Backend& b, const Allocator& a, DType t) {
    return Convolve(b, a, t, doubled, {Shape{2, 4, 4, 1280}}, false, false, true);
  });
  spec.in_channels = 64;
  ExpectAlike("Winograd's", [&](Backend& b, const Allocator& a, DType t) {
    return Convolve(b, a, t, spec, {Shape{2, 8, 8, 64}}, false, false, true);
  });
}

TEST(MetaBackend, PredictsLinearLayers) {
  for (const bool gated : {false, true}) {
    ExpectAlike(gated ? "gated" : "plain", [&](Backend& b, const Allocator& a, DType t) {
      const Tensor x = Of(a, t, Shape{2, 600, 256});
      const Tensor weight = Of(Allocator(a.device()), DType::kF32, Shape{2048, 256});
      const auto packed = b.PackLinear(weight, Tensor(), gated, x, t, a);
      if (!packed.ok()) return absl::StatusOr<Tensor>(packed.status());
      Epilogue epilogue;
      epilogue.gated = gated;
      epilogue.activation = Activation::kGelu;
      return b.Linear(**packed, x, epilogue, a);
    });
  }
}

TEST(MetaBackend, PredictsWeightsThatFillTheirLastPanelInPart) {
  if (!SupportsBf16()) GTEST_SKIP() << "the layout is of the bf16 kernel";
  for (const bool gated : {false, true}) {
    std::vector<size_t> bytes;
    for (const Device device : {Device::kCpu, Device::kMeta}) {
      const auto backend = device == Device::kCpu ? MakeCpuBackend() : MakeMetaBackend();
      const Allocator allocator(device);
      const Tensor x = Of(Allocator(device), DType::kBF16, Shape{2, 64});
      const Tensor weight = Of(Allocator(device), DType::kBF16, Shape{70, 64});
      const auto packed = backend->PackLinear(weight, Tensor(), gated, x, DType::kBF16, allocator);
      ASSERT_TRUE(packed.ok()) << packed.status();
      bytes.push_back(allocator.meter()->live());
    }
    EXPECT_EQ(bytes[1], bytes[0]) << (gated ? "gated" : "plain");
    EXPECT_GE(bytes[0], size_t{128} * 64 * 2);
  }
}

TEST(MetaBackend, PredictsNormsAndAttention) {
  ExpectAlike("group norm", [](Backend& b, const Allocator& a, DType t) {
    std::vector<Tensor> sources = {Of(a, t, Shape{2, 32, 32, 64}), Of(a, t, Shape{2, 32, 32, 32})};
    return b.GroupNorm(absl::MakeSpan(sources), Tensor(), Tensor(), 32, 1e-5f, Activation::kSilu,
                       a);
  });
  ExpectAlike("group norm in place", [](Backend& b, const Allocator& a, DType t) {
    std::vector<Tensor> sources;
    sources.push_back(Of(a, t, Shape{2, 32, 32, 64}));
    return b.GroupNorm(absl::MakeSpan(sources), Tensor(), Tensor(), 32, 1e-5f, Activation::kSilu,
                       a);
  });
  ExpectAlike("layer norm", [](Backend& b, const Allocator& a, DType t) {
    return b.LayerNorm(Of(a, t, Shape{2, 100, 64}), Tensor(), Tensor(), 1e-5f, a);
  });
  ExpectAlike("attention", [](Backend& b, const Allocator& a, DType t) {
    const Tensor x = Of(a, t, Shape{2, 256, 3 * 80});
    AttentionSpec spec;
    spec.heads = 2;
    return b.Attention({x, 0, 80}, {x, 80, 80}, {x, 160, 80}, spec, a);
  });
}

TEST(MetaBackend, PredictsLayoutsAndElementwiseOperations) {
  ExpectAlike("channels last", [](Backend& b, const Allocator& a, DType t) {
    return b.ToChannelsLast(Of(a, DType::kF32, Shape{1, 4, 32, 48}), t, a);
  });
  ExpectAlike("channels first", [](Backend& b, const Allocator& a, DType t) {
    return b.ToChannelsFirst(Of(a, t, Shape{1, 32, 48, 4}), a);
  });
  ExpectAlike("activation in place", [](Backend& b, const Allocator& a, DType t) {
    return b.Activate(Of(a, t, Shape{64, 64}), Activation::kSilu, a);
  });
  ExpectAlike("sum beside a shared input", [](Backend& b, const Allocator& a, DType t) {
    const Tensor x = Of(a, t, Shape{64, 64});
    return b.Add(x, x, a);
  });
}

}  // namespace
}  // namespace weft
