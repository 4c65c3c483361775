// Operations that move or convert values rather than compute with weights.
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/ops/ops.h"
#include "runtime/ops/pack.h"

namespace weft {

Tensor Ops::Activate(Tensor x, Activation activation) {
  if (!Proceed()) return Tensor();
  if (x.empty() || x.dtype() != compute_) {
    Fail(Invalid("activation: expected ", Name(compute_), ", got ",
                 x.empty() ? "nothing" : Name(x.dtype())));
    return Tensor();
  }
  return Keep(backend_.Activate(std::move(x), activation, allocator_));
}

Tensor Ops::Add(Tensor x, const Tensor& y) {
  if (!Proceed()) return Tensor();
  if (x.empty() || y.empty() || !(x.shape() == y.shape()) || x.dtype() != compute_ ||
      y.dtype() != compute_) {
    Fail(Invalid("add: ", Name(x.dtype()), " ", x.shape().ToString(), " and ", Name(y.dtype()), " ",
                 y.shape().ToString(), ": expected equal shapes of ", Name(compute_)));
    return Tensor();
  }
  return Keep(backend_.Add(std::move(x), y, allocator_));
}

Tensor Ops::ToChannelsLast(const Tensor& x) {
  if (!Proceed()) return Tensor();
  if (x.empty() || x.rank() != 4 || x.dtype() != DType::kF32) {
    Fail(Invalid("channels_last: expected f32 [batch, channels, height, width], got ",
                 Name(x.dtype()), " ", x.shape().ToString()));
    return Tensor();
  }
  const Tensor here = OnDevice(x);
  return Keep(backend_.ToChannelsLast(here, compute_, allocator_));
}

Tensor Ops::ToChannelsFirst(const Tensor& x) {
  if (!Proceed()) return Tensor();
  if (x.empty() || x.rank() != 4 || x.dtype() != compute_) {
    Fail(Invalid("channels_first: expected ", Name(compute_),
                 " [batch, height, width, channels], got ", Name(x.dtype()), " ",
                 x.shape().ToString()));
    return Tensor();
  }
  return Keep(backend_.ToChannelsFirst(x, allocator_));
}

Tensor Ops::Reshape(const Tensor& x, Shape shape) {
  if (!Proceed()) return Tensor();
  return Keep(x.Reshape(std::move(shape)));
}

Tensor Ops::Embed(absl::Span<const Weight> tables, const Weight& positions, const Tensor& ids) {
  if (!Proceed()) return Tensor();
  const auto run = [&]() -> absl::StatusOr<Tensor> {
    const std::string where =
        absl::StrCat("embed ", tables.empty() ? absl::string_view() : tables[0].name());
    if (tables.empty()) return Invalid(where, ": has no table");
    int64_t n = 0;
    for (const Weight& table : tables) {
      if (table.shape().rank() != 2 || table.shape().numel() == 0 ||
          table.shape().dim(1) != tables[0].shape().dim(1)) {
        return Invalid(where, ": expected a table [n, width], got ", table.shape().ToString());
      }
      n += table.shape().dim(0);
    }
    if (ids.empty() || ids.rank() != 2 || ids.dtype() != DType::kI32) {
      return Invalid(where, ": expected ids [batch, count] i32, got ", Name(ids.dtype()), " ",
                     ids.shape().ToString());
    }
    const int64_t batch = ids.dim(0), count = ids.dim(1);
    const int64_t width = tables[0].shape().dim(1);
    if (!positions.empty() && (positions.shape().rank() != 2 || positions.shape().dim(0) < count ||
                               positions.shape().dim(1) != width)) {
      return Invalid(where, ": ", count, " tokens of width ", width, " do not fit in ",
                     positions.name(), " ", positions.shape().ToString());
    }
    WEFT_ASSIGN_OR_RETURN(Tensor output,
                          Tensor::Allocate(allocator_, compute_, Shape{batch, count, width}));
    std::vector<Tensor> words;
    if (is_meta()) {
      // Every value of a table is looked at when it is first read.
      for (const Weight& table : tables) {
        WEFT_ASSIGN_OR_RETURN(words.emplace_back(),
                              Tensor::Allocate(allocator_, table.dtype(), table.shape()));
      }
      return output;
    }
    if (ids.is_meta()) return output;
    for (const Weight& table : tables) {
      WEFT_ASSIGN_OR_RETURN(words.emplace_back(), table.Read());
    }
    Tensor places;
    if (!positions.empty()) {
      WEFT_ASSIGN_OR_RETURN(places, positions.Read());
    }
    const absl::Span<const int32_t> id = ids.span<int32_t>();
    std::vector<float> row(static_cast<size_t>(width)), place(row.size());
    const auto read = [&](const Tensor& from, int64_t index, std::vector<float>& to) {
      ConvertElements(from.raw() + static_cast<size_t>(index * width) * SizeOf(from.dtype()),
                      from.dtype(), to.data(), DType::kF32, width);
    };
    for (int64_t i = 0; i < batch * count; ++i) {
      const int32_t token = id[static_cast<size_t>(i)];
      if (token < 0 || token >= n) {
        return Invalid(where, ": id ", token, " is outside of the table's ", n, " rows");
      }
      int64_t in_table = token;
      size_t table = 0;
      while (in_table >= words[table].dim(0)) in_table -= words[table++].dim(0);
      read(words[table], in_table, row);
      if (!places.empty()) {
        read(places, i % count, place);
        for (size_t c = 0; c < row.size(); ++c) row[c] += place[c];
      }
      ConvertElements(
          row.data(), DType::kF32,
          output.mutable_data<std::byte>() + static_cast<size_t>(i * width) * SizeOf(compute_),
          compute_, width);
    }
    return output;
  };
  return Keep(run());
}

Tensor Ops::Sinusoid(absl::Span<const double> values, int64_t width, bool flip_sin_to_cos,
                     double frequency_shift) {
  if (!Proceed()) return Tensor();
  const auto run = [&]() -> absl::StatusOr<Tensor> {
    const int64_t half = width / 2;
    if (values.empty() || half < 1 || static_cast<double>(half) <= frequency_shift) {
      return Invalid("sinusoid: ", values.size(), " values in ", width, " columns with a shift of ",
                     frequency_shift, " have no frequencies");
    }
    const auto rows = static_cast<int64_t>(values.size());
    WEFT_ASSIGN_OR_RETURN(Tensor output,
                          Tensor::Allocate(allocator_, compute_, Shape{rows, width}));
    if (is_meta()) return output;
    std::vector<float> row(static_cast<size_t>(width));
    for (int64_t r = 0; r < rows; ++r) {
      const auto value = static_cast<float>(values[static_cast<size_t>(r)]);
      for (int64_t i = 0; i < half; ++i) {
        // Frequencies fall from 1 to 1/10000 geometrically; all in f32, as PyTorch has them.
        const float exponent = -std::log(10000.0f) * static_cast<float>(i) /
                               static_cast<float>(static_cast<double>(half) - frequency_shift);
        const float angle = value * std::exp(exponent);
        row[static_cast<size_t>(flip_sin_to_cos ? half + i : i)] = std::sin(angle);
        row[static_cast<size_t>(flip_sin_to_cos ? i : half + i)] = std::cos(angle);
      }
      // An odd width leaves the last column 0.
      ConvertElements(
          row.data(), DType::kF32,
          output.mutable_data<std::byte>() + static_cast<size_t>(r * width) * SizeOf(compute_),
          compute_, width);
    }
    return output;
  };
  return Keep(run());
}

Tensor Ops::Stack(absl::Span<const Tensor> batches) {
  if (!Proceed()) return Tensor();
  const auto run = [&]() -> absl::StatusOr<Tensor> {
    if (batches.empty()) return Invalid("stack: has no input");
    int64_t total = 0;
    for (const Tensor& batch : batches) {
      if (batch.empty() || batch.rank() == 0) return Invalid("stack: an input is missing");
      bool alike = batch.rank() == batches[0].rank() && batch.dtype() == batches[0].dtype();
      for (int i = 1; alike && i < batch.rank(); ++i) alike = batch.dim(i) == batches[0].dim(i);
      if (!alike) {
        return Invalid("stack: ", Name(batches[0].dtype()), " ", batches[0].shape().ToString(),
                       " and ", Name(batch.dtype()), " ", batch.shape().ToString(),
                       " differ in more than their first axis");
      }
      total += batch.dim(0);
    }
    if (batches.size() == 1) return batches[0];
    std::vector<int64_t> dims(batches[0].shape().dims().begin(), batches[0].shape().dims().end());
    dims[0] = total;
    WEFT_ASSIGN_OR_RETURN(Tensor output,
                          Tensor::Allocate(allocator_, batches[0].dtype(), Shape(dims)));
    if (output.is_meta()) return output;
    auto* target = output.mutable_data<std::byte>();
    for (const Tensor& batch : batches) {
      if (batch.is_meta()) return Invalid("stack: an input has no memory");
      std::memcpy(target, batch.raw(), batch.bytes());
      target += batch.bytes();
    }
    return output;
  };
  return Keep(run());
}

Tensor Ops::Rows(const Tensor& x, int64_t begin, int64_t end) {
  if (!Proceed()) return Tensor();
  return Keep(x.Rows(begin, end));
}

Tensor Ops::Cast(const Tensor& x, DType dtype) {
  if (!Proceed()) return Tensor();
  if (x.empty()) {
    Fail(Invalid("cast: the input is missing"));
    return Tensor();
  }
  return Keep(x.To(dtype, allocator_));
}

Tensor Ops::OnDevice(const Tensor& x) {
  if (!Proceed()) return Tensor();
  if (x.empty() || x.is_meta() == is_meta()) return x;
  if (!is_meta()) {
    Fail(Invalid("a tensor of a dry run, ", x.shape().ToString(),
                 ", has no values to compute with"));
    return Tensor();
  }
  return Keep(Tensor::Allocate(allocator_, x.dtype(), x.shape()));
}

}  // namespace weft
