#include "runtime/ops/calibration.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/ops/adapt.h"

namespace weft {
namespace {

const Allocator& Here() {
  static const auto& here = *new Allocator(Device::kCpu);
  return here;
}

// The stacked weights of a layer in f32.
absl::StatusOr<WeightMatrix> MatrixOf(absl::Span<const Weight> weights, int64_t channels,
                                      Backend& backend) {
  WeightMatrix matrix{.channels = channels};
  int64_t elements = 0;
  for (const Weight& weight : weights) {
    matrix.rows += weight.shape().dim(0);
    elements += weight.shape().numel();
  }
  WEFT_ASSIGN_OR_RETURN(matrix.values, Tensor::Allocate(Here(), DType::kF32, Shape{elements}));
  auto* to = matrix.values.mutable_data<float>();
  for (const Weight& weight : weights) {
    WEFT_ASSIGN_OR_RETURN(const Tensor stored, ReadAdapted(weight, backend, Here()));
    ConvertElements(stored.raw(), stored.dtype(), to, DType::kF32, stored.numel());
    to += stored.numel();
  }
  matrix.taps = elements / matrix.rows / channels;
  return matrix;
}

// Always a number that is not infinite: a result that is NaN is all noise.
double NoiseOverSignal(double noise, double signal) {
  if (noise == 0) return 0.0;
  const double ratio = noise / signal;
  return ratio < Int8Layer::kMostNoise ? ratio : Int8Layer::kMostNoise;
}

}  // namespace

Calibration::Layer& Calibration::LayerOf(const WeightStore& weights, const std::string& name) {
  Network& network = networks_[weights.path()];
  if (network.layers.empty()) network.store = weights;
  return network.layers[name];
}

absl::Status Calibration::Compare(const Tensor& exact, const Tensor& noisy, Layer& layer) {
  WEFT_ASSIGN_OR_RETURN(const Tensor y, exact.To(DType::kF32, Here()));
  WEFT_ASSIGN_OR_RETURN(const Tensor y8, noisy.To(DType::kF32, Here()));
  const float* a = y.data<float>();
  const float* b = y8.data<float>();
  for (int64_t i = 0; i < y.numel(); ++i) {
    const double difference = static_cast<double>(b[i]) - static_cast<double>(a[i]);
    layer.noise += difference * difference;
    layer.signal += static_cast<double>(a[i]) * static_cast<double>(a[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> Calibration::Conv2d(const WeightStore& weights, const ConvWeights& conv,
                                           absl::Span<const Tensor> sources, Epilogue epilogue,
                                           Run run) {
  if (sources[0].is_meta()) return run(std::move(epilogue));
  Layer& layer = LayerOf(weights, conv.layer);
  const ConvSpec& spec = conv.spec;
  if (!chosen_) {
    layer.weights = {conv.weight};
    if (layer.convolution == 0) {
      layer.convolution = networks_[weights.path()].layers.size();  // they are met in their order
    }
    layer.channels = spec.in_channels;
    if (std::min(spec.in_channels, spec.out_channels) < recipe_.few_channels) {
      layer.kept = "few channels";
    } else if (spec.in_channels * spec.kernel * spec.kernel > kMostInt8Products) {
      layer.kept = "sums too long for 8 bits";
    }
    layer.statistics.Add(sources);
    WEFT_ASSIGN_OR_RETURN(Tensor y, run(std::move(epilogue)));
    // A doubled picture needs the four phases of its kernel alone: 2x2 taps of 3x3.
    const int64_t kernel = spec.upsample ? spec.kernel / 2 + 1 : spec.kernel;
    layer.multiply_adds +=
        static_cast<double>(y.numel()) * static_cast<double>(kernel * kernel * spec.in_channels);
    return y;
  }
  if (!layer.kept.empty() || layer.channels == 0) return run(std::move(epilogue));
  std::shared_ptr<const Packed>& packed = spec.upsample ? layer.doubled : layer.packed;
  if (packed == nullptr) {
    WEFT_ASSIGN_OR_RETURN(Tensor weight, ReadAdapted(conv.weight, backend_, Here()));
    WEFT_ASSIGN_OR_RETURN(weight, weight.Reshape(Shape{spec.out_channels, spec.in_channels,
                                                       spec.kernel, spec.kernel}));
    WEFT_ASSIGN_OR_RETURN(const Tensor bias, ReadAdapted(conv.bias, backend_, Here()));
    WEFT_ASSIGN_OR_RETURN(packed, backend_.PackConvInt8(spec, weight, bias, layer.chosen.Input(),
                                                        sources, sources[0].dtype(), Here()));
  }
  WEFT_ASSIGN_OR_RETURN(const Tensor noisy, backend_.Conv2d(*packed, sources, epilogue, Here()));
  WEFT_ASSIGN_OR_RETURN(Tensor y, run(std::move(epilogue)));
  WEFT_RETURN_IF_ERROR(Compare(y, noisy, layer));
  return y;
}

absl::StatusOr<Tensor> Calibration::Linear(const WeightStore& weights, const LinearWeights& linear,
                                           const Tensor& x, Epilogue epilogue, Run run) {
  if (x.is_meta()) return run(std::move(epilogue));
  Layer& layer = LayerOf(weights, linear.layer);
  const int64_t rows = x.numel() / x.dim(-1);
  if (!chosen_) {
    layer.weights.assign(linear.weights.begin(), linear.weights.end());
    layer.channels = linear.in;
    if (rows < recipe_.few_rows) {
      layer.kept = "few rows";
    } else if (linear.in > kMostInt8Products) {
      layer.kept = "sums too long for 8 bits";
    }
    layer.statistics.Add({x});
    layer.multiply_adds += static_cast<double>(rows * linear.in) * static_cast<double>(linear.out);
    return run(std::move(epilogue));
  }
  if (!layer.kept.empty() || layer.channels == 0) return run(std::move(epilogue));
  if (layer.packed == nullptr) {
    WEFT_ASSIGN_OR_RETURN(const WeightMatrix matrix, MatrixOf(linear.weights, linear.in, backend_));
    WEFT_ASSIGN_OR_RETURN(const Tensor weight, matrix.values.Reshape(Shape{linear.out, linear.in}));
    Tensor bias;
    if (!linear.biases.empty()) {
      WEFT_ASSIGN_OR_RETURN(const WeightMatrix all, MatrixOf(linear.biases, 1, backend_));
      bias = all.values;
    }
    WEFT_ASSIGN_OR_RETURN(
        layer.packed, backend_.PackLinearInt8(weight, bias, linear.gated, layer.chosen.Input(), x,
                                              x.dtype(), Here()));
  }
  WEFT_ASSIGN_OR_RETURN(const Tensor noisy, backend_.Linear(*layer.packed, x, epilogue, Here()));
  WEFT_ASSIGN_OR_RETURN(Tensor y, run(std::move(epilogue)));
  WEFT_RETURN_IF_ERROR(Compare(y, noisy, layer));
  return y;
}

absl::Status Calibration::Choose() {
  for (auto& [path, network] : networks_) {
    for (auto& [name, layer] : network.layers) {
      if (!layer.kept.empty()) continue;
      WEFT_ASSIGN_OR_RETURN(const WeightMatrix matrix,
                            MatrixOf(layer.weights, layer.channels, backend_));
      layer.chosen = ChooseInput(layer.statistics, matrix);
      if (layer.chosen.sources.empty()) layer.kept = "values too large for 8 bits";
    }
  }
  chosen_ = true;
  return absl::OkStatus();
}

std::string Calibration::LastResnets(const Network& network) {
  std::string resnets;
  size_t last = 0;
  for (const auto& [name, layer] : network.layers) {
    if (layer.convolution <= last || !layer.kept.empty()) continue;
    last = layer.convolution;
    const size_t resnet = name.rfind('.');  // of "up_blocks.3.resnets.2.conv2"
    resnets = name.substr(0, resnet == 0 ? 0 : name.rfind('.', resnet - 1) + 1);
  }
  return resnets;
}

std::vector<std::string> Calibration::Paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, network] : networks_) paths.push_back(Int8TablePath(path));
  return paths;
}

absl::StatusOr<std::vector<std::shared_ptr<Int8Table>>> Calibration::Tables() const {
  std::vector<std::shared_ptr<Int8Table>> tables;
  for (const auto& [path, network] : networks_) {
    auto table = std::make_shared<Int8Table>();
    table->path = Int8TablePath(path);
    WEFT_ASSIGN_OR_RETURN(table->weights, WeightsFingerprint(network.store));
    table->first_share = recipe_.first_share;
    table->last_share = recipe_.last_share;
    const std::string last_resnets = LastResnets(network);
    for (const auto& [name, layer] : network.layers) {
      if (layer.statistics.calls() == 0) continue;  // met when noise was looked at alone
      Int8Layer told = layer.chosen;
      told.noise = NoiseOverSignal(layer.noise, layer.signal);
      told.multiply_adds = layer.multiply_adds / static_cast<double>(layer.statistics.calls());
      told.kept = layer.kept;
      if (told.kept.empty() && !last_resnets.empty() && absl::StartsWith(name, last_resnets)) {
        told.kept = "last resnets";
      }
      if (told.kept.empty() && told.noise > recipe_.most_noise) {
        told.kept = absl::StrCat("noise above ", recipe_.most_noise);
      }
      table->layers.emplace(name, std::move(told));
    }
    table->Index();
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace weft
