#include "runtime/ops/live_adapters.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/ops/adapt.h"

namespace weft {
namespace {

// One product, and the rows of the whole layer that its matrix is.
struct Placed {
  std::shared_ptr<const WeightAdapter> adapter;
  int64_t first_row = 0;
  int64_t rows = 0;
  int64_t rank = 0;
};

int64_t RankOf(const AdapterMatrix& matrix) {
  return matrix.core.empty() ? matrix.down.shape().dim(0) : matrix.core.shape().dim(0);
}

bool IsProduct(const WeightAdapter& adapter) {
  return adapter.kind == WeightAdapter::Kind::kSum && adapter.first.is_product();
}

// Index 0: all downs [Σ rank, columns]; index 1: all ups [out, Σ rank], scaled.
class FactorFile : public WeightFile {
 public:
  FactorFile(std::vector<Placed> placed, int64_t out, int64_t columns)
      : path_(placed[0].adapter->first.down.name()),
        placed_(std::move(placed)),
        out_(out),
        columns_(columns) {
    for (const Placed& one : placed_) rank_ += one.rank;
  }
  const std::string& path() const override { return path_; }
  int64_t rank() const { return rank_; }

  absl::StatusOr<Tensor> Read(size_t index) const override {
    const Allocator here(Device::kCpu);
    const bool downs = index == 0;
    WEFT_ASSIGN_OR_RETURN(
        Tensor all,
        Tensor::Allocate(here, DType::kF32, downs ? Shape{rank_, columns_} : Shape{out_, rank_}));
    auto* to = all.mutable_data<float>();
    if (!downs) std::memset(to, 0, all.bytes());
    int64_t column = 0;
    for (const Placed& one : placed_) {
      const WeightAdapter& adapter = *one.adapter;
      WEFT_ASSIGN_OR_RETURN(const LowRankFactors factors,
                            ReadFactors(adapter.first, Device::kCpu, here));
      if (downs) {
        std::memcpy(to, factors.down.raw(), factors.down.bytes());
        to += factors.down.numel();
        continue;
      }
      const float* from = factors.up.data<float>();
      for (int64_t r = 0; r < one.rows; ++r) {
        for (int64_t c = 0; c < one.rank; ++c) {
          to[(one.first_row + r) * rank_ + column + c] =
              *from++ * static_cast<float>(adapter.scale);
        }
      }
      column += one.rank;
    }
    return all;
  }

 private:
  std::string path_;
  std::vector<Placed> placed_;
  int64_t out_;
  int64_t columns_;
  int64_t rank_ = 0;
};

// A weight of zeros, for adapters to be merged into.
class ZeroFile : public WeightFile {
 public:
  explicit ZeroFile(Shape shape) : shape_(std::move(shape)) {}
  const std::string& path() const override { return path_; }
  absl::StatusOr<Tensor> Read(size_t) const override {
    WEFT_ASSIGN_OR_RETURN(Tensor zeros,
                          Tensor::Allocate(Allocator(Device::kCpu), DType::kF32, shape_));
    std::memset(zeros.mutable_data<std::byte>(), 0, zeros.bytes());
    return zeros;
  }

 private:
  std::string path_ = "zeros";
  Shape shape_;
};

// The sum of those adapters of `weight` that are no products, or an empty weight.
Weight DenseOf(const Weight& weight) {
  Weight dense;
  for (const std::shared_ptr<const WeightAdapter>& adapter : weight.live()) {
    if (IsProduct(*adapter)) continue;
    if (dense.empty()) {
      dense = Weight(std::make_shared<ZeroFile>(weight.shape()), 0, weight.name(), DType::kF32,
                     weight.shape());
    }
    dense = dense.WithMerged(adapter);
  }
  return dense;
}

std::vector<Placed> ProductsOf(absl::Span<const Weight> weights) {
  std::vector<Placed> placed;
  int64_t row = 0;
  for (const Weight& weight : weights) {
    const int64_t rows = weight.shape().dim(0);
    for (const std::shared_ptr<const WeightAdapter>& adapter : weight.live()) {
      if (IsProduct(*adapter)) placed.push_back({adapter, row, rows, RankOf(adapter->first)});
    }
    row += rows;
  }
  return placed;
}

Weight UpOf(const std::shared_ptr<const FactorFile>& file, const Weight& base, int64_t out) {
  return Weight(file, 1, absl::StrCat(base.name(), ".up"), DType::kF32, Shape{out, file->rank()});
}

}  // namespace

std::shared_ptr<const LiveLinear> LiveAdaptersOf(const LinearWeights& linear) {
  bool any_live = false;
  for (const Weight& weight : linear.weights) {
    if (weight.empty()) return nullptr;  // binding failed, which is told elsewhere
    any_live = any_live || !weight.live().empty();
  }
  if (!any_live) return nullptr;
  auto live = std::make_shared<LiveLinear>();
  if (std::vector<Placed> placed = ProductsOf(linear.weights); !placed.empty()) {
    const auto file = std::make_shared<const FactorFile>(std::move(placed), linear.out, linear.in);
    const Weight& base = linear.weights[0];
    live->down.in = linear.in;
    live->down.out = file->rank();
    live->down.weights = {Weight(file, 0, absl::StrCat(base.name(), ".down"), DType::kF32,
                                 Shape{file->rank(), linear.in})};
    live->up.in = file->rank();
    live->up.out = linear.out;
    live->up.weights = {UpOf(file, base, linear.out)};
  }
  bool any = false;
  for (const Weight& weight : linear.weights) {
    Weight dense = DenseOf(weight);
    any = any || !dense.empty();
    if (dense.empty()) {
      dense = Weight(std::make_shared<ZeroFile>(weight.shape()), 0, weight.name(), DType::kF32,
                     weight.shape());
    }
    live->dense.weights.push_back(std::move(dense));
  }
  if (!any) live->dense.weights.clear();
  live->dense.in = linear.in;
  live->dense.out = linear.out;
  return live;
}

std::shared_ptr<const LiveConv> LiveAdaptersOf(const ConvWeights& conv) {
  if (conv.weight.live().empty()) return nullptr;
  auto live = std::make_shared<LiveConv>();
  const ConvSpec& spec = conv.spec;
  if (std::vector<Placed> placed = ProductsOf({&conv.weight, 1}); !placed.empty()) {
    const int64_t columns = spec.in_channels * spec.kernel * spec.kernel;
    const auto file =
        std::make_shared<const FactorFile>(std::move(placed), spec.out_channels, columns);
    live->down.spec = spec;
    live->down.spec.out_channels = file->rank();
    live->down.weight = Weight(file, 0, absl::StrCat(conv.weight.name(), ".down"), DType::kF32,
                               Shape{file->rank(), spec.in_channels, spec.kernel, spec.kernel});
    live->up.in = file->rank();
    live->up.out = spec.out_channels;
    live->up.weights = {UpOf(file, conv.weight, spec.out_channels)};
  }
  live->dense.spec = spec;
  live->dense.weight = DenseOf(conv.weight);
  return live;
}

Tensor Ops::LiveAddend(const LiveLinear& live, const Tensor& x) {
  Tensor sum;
  if (!live.dense.weights.empty()) sum = Linear(live.dense, x);
  if (live.up.weights.empty()) return sum;
  return Linear(live.up, Linear(live.down, x), {.residual = std::move(sum)});
}

Tensor Ops::AddLive(const LiveConv& live, const Sources& sources, Tensor y) {
  if (!live.dense.weight.empty()) y = Conv2d(live.dense, sources, {.residual = std::move(y)});
  if (live.up.weights.empty()) return y;
  return Linear(live.up, Conv2d(live.down, sources), {.residual = std::move(y)});
}

}  // namespace weft
