#include "lua/tensor_math.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr int kMostDims = 8;

Allocator Cpu() { return Allocator(Device::kCpu); }

absl::Status Check(const Tensor& t) {
  if (t.empty()) return Invalid("there is no tensor");
  if (t.is_meta()) return Invalid("the tensor has a shape, but no values");
  if (t.rank() > kMostDims) return Invalid("tensors have at most ", kMostDims, " dimensions here");
  return absl::OkStatus();
}

absl::StatusOr<Tensor> New(DType dtype, absl::Span<const int64_t> dims) {
  if (dims.size() > kMostDims)
    return Invalid("tensors have at most ", kMostDims, " dimensions here");
  WEFT_ASSIGN_OR_RETURN(const Shape shape, Shape::Checked(dims, SizeOf(dtype)));
  return Tensor::Allocate(Cpu(), dtype, shape);
}

// Elements between neighbours along each dimension of `to`; 0 where `from` is stretched.
std::vector<int64_t> Strides(const Shape& from, const Shape& to) {
  std::vector<int64_t> strides(static_cast<size_t>(to.rank()), 0);
  int64_t stride = 1;
  for (int i = 1; i <= from.rank(); ++i) {
    if (from.dim(-i) != 1) strides[static_cast<size_t>(to.rank() - i)] = stride;
    stride *= from.dim(-i);
  }
  return strides;
}

// The values of one reduction, one after another.
class Accumulator {
 public:
  explicit Accumulator(Reduction how) : how_(how) {}
  void Add(float x) {
    ++count_;
    if (std::isnan(x)) nan_ = true;
    least_ = std::min(least_, x);
    most_ = std::max(most_, x);
    sum_ += static_cast<double>(x);
    // Welford: the spread without a second pass.
    const double away = static_cast<double>(x) - mean_;
    mean_ += away / static_cast<double>(count_);
    spread_ += away * (static_cast<double>(x) - mean_);
  }
  double Result() const {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    switch (how_) {
      case Reduction::kSum:
        return sum_;
      case Reduction::kMean:
        return count_ > 0 ? sum_ / static_cast<double>(count_) : nan;
      case Reduction::kMin:
        return nan_ ? nan : static_cast<double>(least_);
      case Reduction::kMax:
        return nan_ ? nan : static_cast<double>(most_);
      case Reduction::kStd:
        return count_ > 1 ? std::sqrt(spread_ / static_cast<double>(count_ - 1)) : nan;
    }
    return nan;
  }

 private:
  Reduction how_;
  int64_t count_ = 0;
  bool nan_ = false;
  float least_ = std::numeric_limits<float>::infinity();
  float most_ = -std::numeric_limits<float>::infinity();
  double sum_ = 0;
  double mean_ = 0;
  double spread_ = 0;
};

absl::Status NeedsValues(Reduction how) {
  if (how == Reduction::kMin || how == Reduction::kMax) {
    return Invalid("a tensor without values has no least and no greatest");
  }
  return absl::OkStatus();
}

std::vector<int64_t> Dims(const Tensor& t) {
  return {t.shape().dims().begin(), t.shape().dims().end()};
}

}  // namespace

absl::StatusOr<int> CheckDim(const Tensor& t, int64_t dim) {
  const int64_t at = dim < 0 ? dim + t.rank() : dim;
  if (at >= 0 && at < t.rank()) return static_cast<int>(at);
  return Invalid("there is no dimension ", dim < 0 ? dim : dim + 1, " in shape ",
                 t.shape().ToString());
}

absl::StatusOr<Tensor> AsF32(const Tensor& t) {
  WEFT_RETURN_IF_ERROR(Check(t));
  return t.To(DType::kF32, Cpu());
}

absl::StatusOr<Shape> Broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<int64_t> dims(static_cast<size_t>(rank));
  for (int i = 1; i <= rank; ++i) {
    const int64_t x = i <= a.rank() ? a.dim(-i) : 1;
    const int64_t y = i <= b.rank() ? b.dim(-i) : 1;
    if (x != y && x != 1 && y != 1) {
      return Invalid("shapes ", a.ToString(), " and ", b.ToString(), " do not go together");
    }
    dims[static_cast<size_t>(rank - i)] = x == 1 ? y : x;
  }
  return Shape::Checked(dims, sizeof(float));
}

absl::StatusOr<Tensor> Combine(const Tensor& a, const Tensor& b,
                               absl::FunctionRef<float(float, float)> f) {
  WEFT_ASSIGN_OR_RETURN(const Tensor left, AsF32(a));
  WEFT_ASSIGN_OR_RETURN(const Tensor right, AsF32(b));
  WEFT_ASSIGN_OR_RETURN(const Shape shape, Broadcast(left.shape(), right.shape()));
  WEFT_ASSIGN_OR_RETURN(Tensor out, Tensor::Allocate(Cpu(), DType::kF32, shape));
  const int64_t count = out.numel();
  if (count == 0) return out;
  auto* to = out.mutable_data<float>();
  const auto* x = left.data<float>();
  const auto* y = right.data<float>();
  const std::vector<int64_t> x_strides = Strides(left.shape(), shape);
  const std::vector<int64_t> y_strides = Strides(right.shape(), shape);
  const int rank = shape.rank();
  const int64_t row = rank > 0 ? shape.dim(-1) : 1;
  const int64_t x_step = rank > 0 ? x_strides.back() : 0;
  const int64_t y_step = rank > 0 ? y_strides.back() : 0;
  std::vector<int64_t> at(static_cast<size_t>(std::max(rank - 1, 0)), 0);
  for (int64_t begin = 0; begin < count; begin += row) {
    int64_t i = 0;
    int64_t j = 0;
    for (size_t d = 0; d < at.size(); ++d) {
      i += at[d] * x_strides[d];
      j += at[d] * y_strides[d];
    }
    for (int64_t k = 0; k < row; ++k) to[begin + k] = f(x[i + k * x_step], y[j + k * y_step]);
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < shape.dim(static_cast<int>(d))) break;
      at[d] = 0;
    }
  }
  return out;
}

absl::StatusOr<Tensor> Map(const Tensor& t, absl::FunctionRef<float(float)> f) {
  WEFT_ASSIGN_OR_RETURN(const Tensor from, AsF32(t));
  WEFT_ASSIGN_OR_RETURN(Tensor out, Tensor::Allocate(Cpu(), DType::kF32, t.shape()));
  const absl::Span<const float> values = from.span<float>();
  std::transform(values.begin(), values.end(), out.mutable_data<float>(), f);
  return out;
}

absl::StatusOr<double> Reduce(const Tensor& t, Reduction how) {
  WEFT_ASSIGN_OR_RETURN(const Tensor from, AsF32(t));
  if (t.numel() == 0) WEFT_RETURN_IF_ERROR(NeedsValues(how));
  Accumulator total(how);
  for (const float x : from.span<float>()) total.Add(x);
  return total.Result();
}

absl::StatusOr<Tensor> ReduceDim(const Tensor& t, Reduction how, int64_t dim) {
  WEFT_ASSIGN_OR_RETURN(const Tensor from, AsF32(t));
  WEFT_ASSIGN_OR_RETURN(const int d, CheckDim(t, dim));
  std::vector<int64_t> dims = Dims(t);
  dims.erase(dims.begin() + d);
  WEFT_ASSIGN_OR_RETURN(Tensor out, New(DType::kF32, dims));
  const int64_t length = t.dim(d);
  if (length == 0 && out.numel() > 0) WEFT_RETURN_IF_ERROR(NeedsValues(how));
  const int64_t inner = t.shape().inner(d + 1);
  const auto* values = from.data<float>();
  for (int64_t i = 0; i < out.numel(); ++i) {
    Accumulator total(how);
    const int64_t begin = i / inner * length * inner + i % inner;
    for (int64_t k = 0; k < length; ++k) total.Add(values[begin + k * inner]);
    out.mutable_data<float>()[i] = static_cast<float>(total.Result());
  }
  return out;
}

absl::StatusOr<Tensor> Slice(const Tensor& t, int64_t dim, int64_t first, int64_t last) {
  WEFT_RETURN_IF_ERROR(Check(t));
  WEFT_ASSIGN_OR_RETURN(const int d, CheckDim(t, dim));
  const int64_t length = t.dim(d);
  if (first < 0 || last >= length || last < first - 1) {
    return Invalid("places ", first + 1, " to ", last + 1, " are not in a dimension of ", length);
  }
  std::vector<int64_t> dims = Dims(t);
  dims[static_cast<size_t>(d)] = last - first + 1;
  WEFT_ASSIGN_OR_RETURN(Tensor out, New(t.dtype(), dims));
  if (out.numel() == 0) return out;
  const size_t inner = static_cast<size_t>(t.shape().inner(d + 1)) * SizeOf(t.dtype());
  const size_t run = inner * static_cast<size_t>(last - first + 1);
  for (int64_t i = 0; i < t.shape().outer(d); ++i) {
    std::memcpy(out.mutable_data<std::byte>() + static_cast<size_t>(i) * run,
                t.raw() + static_cast<size_t>(i * length + first) * inner, run);
  }
  return out;
}

absl::StatusOr<Tensor> Permute(const Tensor& t, absl::Span<const int64_t> order) {
  WEFT_RETURN_IF_ERROR(Check(t));
  std::vector<int> from;
  for (const int64_t dim : order) {
    WEFT_ASSIGN_OR_RETURN(const int d, CheckDim(t, dim));
    if (std::find(from.begin(), from.end(), d) != from.end()) {
      return Invalid("dimension ", d + 1, " is named twice");
    }
    from.push_back(d);
  }
  if (static_cast<int>(from.size()) != t.rank()) {
    return Invalid("expected all ", t.rank(), " dimensions of shape ", t.shape().ToString());
  }
  std::vector<int64_t> dims;
  std::vector<int64_t> strides;
  for (const int d : from) {
    dims.push_back(t.dim(d));
    strides.push_back(t.shape().inner(d + 1));
  }
  WEFT_ASSIGN_OR_RETURN(Tensor out, New(t.dtype(), dims));
  const size_t size = SizeOf(t.dtype());
  std::vector<int64_t> at(dims.size(), 0);
  for (int64_t i = 0; i < out.numel(); ++i) {
    int64_t source = 0;
    for (size_t d = 0; d < at.size(); ++d) source += at[d] * strides[d];
    std::memcpy(out.mutable_data<std::byte>() + static_cast<size_t>(i) * size,
                t.raw() + static_cast<size_t>(source) * size, size);
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < dims[d]) break;
      at[d] = 0;
    }
  }
  return out;
}

absl::StatusOr<Tensor> Roll(const Tensor& t, int64_t dim, int64_t shift) {
  WEFT_RETURN_IF_ERROR(Check(t));
  WEFT_ASSIGN_OR_RETURN(const int d, CheckDim(t, dim));
  const int64_t length = t.dim(d);
  if (t.numel() == 0) return t;
  const int64_t by = ((shift % length) + length) % length;
  if (by == 0) return t;
  WEFT_ASSIGN_OR_RETURN(const Tensor front, Slice(t, d, length - by, length - 1));
  WEFT_ASSIGN_OR_RETURN(const Tensor back, Slice(t, d, 0, length - by - 1));
  return Concat({front, back}, d);
}

absl::StatusOr<Tensor> Concat(absl::Span<const Tensor> tensors, int64_t dim) {
  if (tensors.empty()) return Invalid("there is nothing to put together");
  WEFT_RETURN_IF_ERROR(Check(tensors[0]));
  WEFT_ASSIGN_OR_RETURN(const int d, CheckDim(tensors[0], dim));
  std::vector<int64_t> dims = Dims(tensors[0]);
  int64_t length = 0;
  for (const Tensor& t : tensors) {
    WEFT_RETURN_IF_ERROR(Check(t));
    std::vector<int64_t> mine = Dims(t);
    if (t.dtype() != tensors[0].dtype() || mine.size() != dims.size()) {
      return Invalid("cannot put ", tensors[0].shape().ToString(), " ", Name(tensors[0].dtype()),
                     " and ", t.shape().ToString(), " ", Name(t.dtype()), " together");
    }
    length += mine[static_cast<size_t>(d)];
    mine[static_cast<size_t>(d)] = dims[static_cast<size_t>(d)];
    if (mine != dims) {
      return Invalid("cannot put ", tensors[0].shape().ToString(), " and ", t.shape().ToString(),
                     " together along dimension ", d + 1);
    }
  }
  dims[static_cast<size_t>(d)] = length;
  WEFT_ASSIGN_OR_RETURN(Tensor out, New(tensors[0].dtype(), dims));
  const size_t size = SizeOf(out.dtype());
  const size_t row = static_cast<size_t>(out.shape().inner(d)) * size;
  size_t offset = 0;
  for (const Tensor& t : tensors) {
    const size_t run = static_cast<size_t>(t.shape().inner(d)) * size;
    for (int64_t i = 0; run > 0 && i < t.shape().outer(d); ++i) {
      std::memcpy(out.mutable_data<std::byte>() + static_cast<size_t>(i) * row + offset,
                  t.raw() + static_cast<size_t>(i) * run, run);
    }
    offset += run;
  }
  return out;
}

absl::StatusOr<Tensor> Reshape(const Tensor& t, std::vector<int64_t> dims) {
  WEFT_RETURN_IF_ERROR(Check(t));
  int64_t known = 1;
  int64_t* open = nullptr;
  for (int64_t& dim : dims) {
    if (dim == -1 && open == nullptr) {
      open = &dim;
      continue;
    }
    if (dim < 0) return Invalid("a shape has no extent ", dim, " (-1 once: what is left)");
    if (dim > 0 && known > std::numeric_limits<int64_t>::max() / dim) {
      return Invalid("the shape is too large");
    }
    known *= dim;
  }
  if (open != nullptr) {
    if (known == 0 || t.numel() % known != 0) {
      return Invalid("the ", t.numel(), " values of shape ", t.shape().ToString(),
                     " cannot be cut into rows of ", known);
    }
    *open = t.numel() / known;
  }
  if (dims.size() > kMostDims)
    return Invalid("tensors have at most ", kMostDims, " dimensions here");
  return t.Reshape(Shape(dims));
}

absl::StatusOr<Tensor> Full(absl::Span<const int64_t> dims, float value) {
  WEFT_ASSIGN_OR_RETURN(Tensor out, New(DType::kF32, dims));
  std::fill_n(out.mutable_data<float>(), out.numel(), value);
  return out;
}

}  // namespace weft
