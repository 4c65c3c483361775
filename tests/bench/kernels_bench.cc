// Speed of the CPU backend on the shapes of Stable Diffusion 1.5 at 512×512, guided (batch 2).
//   kernels_bench [--threads=N] [--benchmark_filter=…]
// GFLOPs is arithmetic per second of real time; GFLOPs_cpu the same per second that the threads
// have had a core, which tells more on a busy machine.
#include <benchmark/benchmark.h>

#include <cstring>
#include <ctime>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/backend/cpu/cpu_backend.h"

namespace weft {
namespace {

Tensor Random(const Shape& shape, DType dtype) {
  const Allocator allocator(Device::kCpu);
  Tensor f32 = *Tensor::Allocate(allocator, DType::kF32, shape);
  std::minstd_rand engine(1);
  float* values = f32.mutable_data<float>();
  for (int64_t i = 0; i < f32.numel(); ++i) {
    values[i] = static_cast<float>(engine()) / 2147483648.0f - 0.5f;
  }
  return *f32.To(dtype, allocator);
}

Backend& Cpu() {
  static Backend& backend = *MakeCpuBackend().release();
  return backend;
}

double CpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Runs `body` and reports `work` operations (or bytes, for what memory limits) of each round.
template <typename Body>
void Measure(benchmark::State& state, double work, Body body, const char* unit = "GFLOPs") {
  if (const absl::Status status = body(); !status.ok()) {
    state.SkipWithError(std::string(status.message()).c_str());
    return;
  }
  const double before = CpuSeconds();
  for (auto _ : state) benchmark::DoNotOptimize(body());
  const double seconds = (CpuSeconds() - before) / static_cast<double>(state.iterations());
  state.counters[unit] =
      benchmark::Counter(work * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters[absl::StrCat(unit, "_cpu")] = work * 1e-9 / seconds * Threads();
}

void Convolution(benchmark::State& state, DType dtype, int64_t batch, int64_t size, int64_t in,
                 int64_t out, int64_t kernel, int64_t stride, bool upsample, int64_t sources) {
  const Allocator allocator(Device::kCpu);
  ConvSpec spec{in, out, kernel, stride, kernel / 2, kernel / 2, upsample};
  std::vector<Tensor> x(static_cast<size_t>(sources),
                        Random(Shape{batch, size, size, in / sources}, dtype));
  const auto packed = Cpu().PackConv(spec, Random(Shape{out, in, kernel, kernel}, DType::kF32),
                                     Random(Shape{out}, DType::kF32), x, dtype, allocator);
  Epilogue epilogue;
  if (sources > 1) epilogue.per_channel = Random(Shape{batch, out}, dtype);
  const auto pixels =
      static_cast<double>(batch * size * size / stride / stride * (upsample ? 4 : 1));
  Measure(state, 2 * pixels * static_cast<double>(in * out * kernel * kernel),
          [&] { return Cpu().Conv2d(**packed, x, epilogue, allocator).status(); });
}

void Linear(benchmark::State& state, DType dtype, int64_t rows, int64_t in, int64_t out,
            bool gated) {
  const Allocator allocator(Device::kCpu);
  const Tensor x = Random(Shape{rows, in}, dtype);
  const auto packed = Cpu().PackLinear(Random(Shape{out, in}, DType::kF32),
                                       Random(Shape{out}, DType::kF32), gated, x, dtype, allocator);
  Epilogue epilogue;
  epilogue.gated = gated;
  if (gated) epilogue.activation = Activation::kGelu;
  Measure(state, 2.0 * static_cast<double>(rows * in * out),
          [&] { return Cpu().Linear(**packed, x, epilogue, allocator).status(); });
}

void Attention(benchmark::State& state, DType dtype, int64_t rows, int64_t keys, int64_t heads,
               int64_t width) {
  const Allocator allocator(Device::kCpu);
  const int64_t all = heads * width;
  const Tensor q = Random(Shape{2, rows, all}, dtype), k = Random(Shape{2, keys, all}, dtype);
  AttentionSpec spec;
  spec.heads = heads;
  spec.scale = 0.2f;
  Measure(state, 8.0 * static_cast<double>(rows * keys * all), [&] {
    return Cpu().Attention({q, 0, all}, {k, 0, all}, {k, 0, all}, spec, allocator).status();
  });
}

void GroupNorm(benchmark::State& state, DType dtype, int64_t batch, int64_t size,
               int64_t channels) {
  const Allocator allocator(Device::kCpu);
  const std::vector<Tensor> x = {Random(Shape{batch, size, size, channels}, dtype)};
  std::vector<Tensor> shared = x;  // so that it is not overwritten
  const Tensor gamma = Random(Shape{channels}, DType::kF32);
  // Read twice, written once.
  Measure(
      state, 3.0 * static_cast<double>(x[0].bytes()),
      [&] {
        return Cpu()
            .GroupNorm(absl::MakeSpan(shared), gamma, gamma, 32, 1e-5f, Activation::kSilu,
                       allocator)
            .status();
      },
      "GB");
}

void LayerNorm(benchmark::State& state, DType dtype, int64_t rows, int64_t width) {
  const Allocator allocator(Device::kCpu);
  const Tensor x = Random(Shape{rows, width}, dtype);
  const Tensor gamma = Random(Shape{width}, DType::kF32);
  Measure(
      state, 2.0 * static_cast<double>(x.bytes()),
      [&] { return Cpu().LayerNorm(x, gamma, gamma, 1e-5f, allocator).status(); }, "GB");
}

// Weights as a file of halves has them: read once, written once.
template <typename Pack>
void Packing(benchmark::State& state, const Tensor& weight, DType compute, Pack pack) {
  const auto written = static_cast<double>(weight.numel()) * static_cast<double>(SizeOf(compute));
  Measure(
      state, static_cast<double>(weight.bytes()) + written, [&] { return pack(weight).status(); },
      "GB");
}

Int8Input Codes(int64_t channels) {
  const auto count = static_cast<size_t>(channels);
  return {std::vector<float>(count, 0.02f), std::vector<uint8_t>(count, 128)};
}

void PackingConv(benchmark::State& state, DType compute, int64_t in, int64_t out, bool int8) {
  const Allocator allocator(Device::kCpu);
  const ConvSpec spec{in, out, 3, 1, 1, 1, false};
  const std::vector<Tensor> x = {Random(Shape{2, 16, 16, in}, compute)};
  Packing(state, Random(Shape{out, in, 3, 3}, DType::kF16), int8 ? DType::kU8 : compute,
          [&](const Tensor& weight) {
            if (!int8) return Cpu().PackConv(spec, weight, Tensor(), x, compute, allocator);
            return Cpu().PackConvInt8(spec, weight, Tensor(), Codes(in), x, compute, allocator);
          });
}

void PackingLinear(benchmark::State& state, DType compute, int64_t in, int64_t out, bool int8) {
  const Allocator allocator(Device::kCpu);
  const Tensor x = Random(Shape{512, in}, compute);
  Packing(state, Random(Shape{out, in}, DType::kF16), int8 ? DType::kU8 : compute,
          [&](const Tensor& weight) {
            if (!int8) return Cpu().PackLinear(weight, Tensor(), false, x, compute, allocator);
            return Cpu().PackLinearInt8(weight, Tensor(), false, Codes(in), x, compute, allocator);
          });
}

void Register() {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const auto add = [&](const std::string& what, auto run) {
      benchmark::RegisterBenchmark(absl::StrCat(Name(dtype), "/", what).c_str(), run)
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
    };
    struct Conv {
      int64_t batch, size, in, out, kernel, stride;
      bool upsample;
      int64_t sources;
    };
    for (const Conv& c : {Conv{2, 64, 320, 320, 3, 1, false, 1},
                          {2, 64, 640, 320, 3, 1, false, 2},
                          {2, 32, 640, 640, 3, 1, false, 1},
                          {2, 16, 1280, 1280, 3, 1, false, 1},
                          {2, 8, 1280, 1280, 3, 1, false, 1},
                          {2, 64, 320, 320, 3, 2, false, 1},
                          {2, 64, 640, 320, 1, 1, false, 1},
                          {2, 32, 640, 640, 3, 1, true, 1},
                          {1, 128, 512, 512, 3, 1, false, 1},
                          {1, 128, 512, 512, 3, 1, true, 1}}) {
      add(absl::StrCat("conv/", c.kernel, "x", c.kernel, "/", c.size, "/", c.in, "->", c.out,
                       c.stride > 1 ? "/strided" : "", c.upsample ? "/up" : "",
                       c.sources > 1 ? "/2 sources" : ""),
          [=](benchmark::State& state) {
            Convolution(state, dtype, c.batch, c.size, c.in, c.out, c.kernel, c.stride, c.upsample,
                        c.sources);
          });
    }
    for (const auto& [rows, in, out, gated] :
         {std::tuple<int64_t, int64_t, int64_t, bool>{8192, 320, 960, false},
          {8192, 320, 320, false},
          {8192, 320, 2560, true},
          {8192, 1280, 320, false},
          {2048, 640, 5120, true},
          {512, 1280, 1280, false},
          {512, 1280, 10240, true},
          {154, 768, 640, false},
          {2, 1280, 1280, false}}) {
      add(absl::StrCat("linear/", rows, "/", in, "->", out, gated ? "/gated" : ""),
          [=, r = rows, i = in, o = out, g = gated](benchmark::State& state) {
            Linear(state, dtype, r, i, o, g);
          });
    }
    for (const auto& [rows, keys, heads, width] :
         {std::tuple<int64_t, int64_t, int64_t, int64_t>{4096, 4096, 8, 40},
          {4096, 4096, 5, 64},
          {1024, 1024, 8, 80},
          {256, 256, 8, 160},
          {4096, 77, 8, 40},
          {1024, 77, 8, 80},
          {77, 77, 12, 64},
          {4096, 4096, 1, 512}}) {
      add(absl::StrCat("attention/", rows, "x", keys, "/", heads, "x", width),
          [=, r = rows, k = keys, h = heads, w = width](benchmark::State& state) {
            Attention(state, dtype, r, k, h, w);
          });
    }
    for (const auto& [batch, size, channels] : {std::tuple<int64_t, int64_t, int64_t>{2, 64, 320},
                                                {2, 32, 640},
                                                {2, 16, 1280},
                                                {1, 512, 128}}) {
      add(absl::StrCat("group_norm/", size, "/", channels),
          [=, b = batch, s = size, c = channels](benchmark::State& state) {
            GroupNorm(state, dtype, b, s, c);
          });
    }
    for (const bool int8 : {false, true}) {
      if (int8 && !Cpu().HasInt8(dtype)) continue;
      const char* what = int8 ? "pack_int8" : "pack";
      for (const auto& [in, out] : {std::pair<int64_t, int64_t>{640, 640}, {1280, 1280}}) {
        add(absl::StrCat(what, "/conv/3x3/", in, "->", out),
            [=, i = in, o = out](benchmark::State& state) {
              PackingConv(state, dtype, i, o, int8);
            });
      }
      for (const auto& [in, out] : {std::pair<int64_t, int64_t>{1280, 1280}, {1280, 10240}}) {
        add(absl::StrCat(what, "/linear/", in, "->", out),
            [=, i = in, o = out](benchmark::State& state) {
              PackingLinear(state, dtype, i, o, int8);
            });
      }
    }
    add("layer_norm/8192/320",
        [=](benchmark::State& state) { LayerNorm(state, dtype, 8192, 320); });
  }
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  constexpr char kThreads[] = "--threads=";
  for (int i = 1; i < argc; ++i) {
    int threads = 0;
    if (std::strncmp(argv[i], kThreads, sizeof(kThreads) - 1) == 0 &&
        absl::SimpleAtoi(argv[i] + sizeof(kThreads) - 1, &threads)) {
      weft::SetThreads(threads);
    }
  }
  weft::Register();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
