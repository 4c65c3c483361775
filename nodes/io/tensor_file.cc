#include "nodes/io/tensor_file.h"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nodes/text/conditioning.h"
#include "runtime/base/json.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/npy.h"
#include "runtime/weights/weight_store.h"

namespace weft {
namespace {

constexpr absl::string_view kDefaultName = "value";

std::string Describe(const Tensor& tensor) {
  return absl::StrCat(tensor.shape().ToString(), " ", Name(tensor.dtype()));
}

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kBF16 || dtype == DType::kF16;
}

// A first axis of 1 in front, where the tensor has one axis less than `rank`.
absl::StatusOr<Tensor> WithBatch(const Tensor& tensor, int rank) {
  if (tensor.rank() != rank - 1) return tensor;
  std::vector<int64_t> dims = {1};
  dims.insert(dims.end(), tensor.shape().dims().begin(), tensor.shape().dims().end());
  return tensor.Reshape(Shape(dims));
}

absl::Status CheckIds(const Tensor& ids) {
  if (ids.is_meta() || ids.dtype() != DType::kI64) return absl::OkStatus();
  for (const int64_t id : ids.span<int64_t>()) {
    if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
      return Invalid("holds ", id, ", which is no token id");
    }
  }
  return absl::OkStatus();
}

}  // namespace

struct TensorFile::Source {
  std::shared_ptr<const WeightStore> store;  // of safetensors
  std::optional<NpyHeader> npy;
};

absl::StatusOr<TensorFile> TensorFile::Open(const std::string& path) {
  const std::string lower = absl::AsciiStrToLower(path);
  auto source = std::make_shared<Source>();
  if (absl::EndsWith(lower, ".npy")) {
    WEFT_ASSIGN_OR_RETURN(source->npy, ReadNpyHeader(path));
  } else if (absl::EndsWith(lower, ".safetensors") || absl::EndsWith(lower, ".safetensors.zst")) {
    WEFT_ASSIGN_OR_RETURN(source->store, WeightStore::Open(path));
  } else {
    return Invalid("\"", path, "\": tensors are read from .safetensors, .safetensors.zst and .npy");
  }
  TensorFile file;
  file.path_ = path;
  file.source_ = std::move(source);
  return file;
}

bool TensorFile::Has(absl::string_view name) const {
  return source_->store != nullptr && source_->store->Find(name) != nullptr;
}

absl::StatusOr<Tensor> TensorFile::Get(absl::string_view name, bool read,
                                       const Allocator& allocator) const {
  if (source_->npy.has_value()) {
    if (!name.empty()) {
      return Invalid("\"", path_, "\": an npy file holds one tensor without a name, not ",
                     Quoted(name));
    }
    if (!read) {
      return Tensor::Allocate(allocator, DTypeOfStored(source_->npy->type), source_->npy->shape);
    }
    WEFT_ASSIGN_OR_RETURN(const Tensor tensor, ReadNpy(path_));
    if (const int64_t bad = FirstNonFinite(tensor); bad >= 0) {
      return absl::DataLossError(
          absl::StrCat("\"", path_, "\": holds NaN or infinity at element ", bad));
    }
    return tensor;
  }
  const auto& weights = source_->store->weights();
  std::vector<std::string> names;
  for (const auto& [known, weight] : weights) names.push_back(known);
  const Weight* weight = source_->store->Find(name.empty() ? kDefaultName : name);
  if (weight == nullptr && name.empty() && weights.size() == 1) weight = &weights.begin()->second;
  if (weight == nullptr) {
    return absl::NotFoundError(name.empty() ? absl::StrCat("\"", path_, "\": holds ", names.size(),
                                                           " tensors; say which with \"name\"",
                                                           DidYouMean("?", names))
                                            : absl::StrCat("\"", path_, "\": holds no tensor ",
                                                           Quoted(name), DidYouMean(name, names)));
  }
  if (!read) return Tensor::Allocate(allocator, weight->dtype(), weight->shape());
  return weight->Read();
}

absl::StatusOr<Tensor> AsKind(const Tensor& tensor, TensorKind kind, const Allocator& allocator) {
  switch (kind) {
    case TensorKind::kTensor:
      return tensor;
    case TensorKind::kTokens: {
      WEFT_ASSIGN_OR_RETURN(const Tensor ids, WithBatch(tensor, 2));
      if (IsFloat(ids.dtype()) || ids.rank() != 2 || ids.numel() == 0) {
        return Invalid("tokens are whole numbers [n] or [b, n], not ", Describe(tensor));
      }
      WEFT_RETURN_IF_ERROR(CheckIds(ids));
      return ids.To(DType::kI32, allocator);
    }
    case TensorKind::kConditioning: {
      WEFT_ASSIGN_OR_RETURN(const Tensor states, WithBatch(tensor, 3));
      if (!IsFloat(states.dtype()) || states.rank() != 3 || states.numel() == 0) {
        return Invalid("a conditioning is [n, width] or [b, n, width] of floats, not ",
                       Describe(tensor));
      }
      return states.To(DType::kF32, allocator);
    }
    case TensorKind::kLatent: {
      WEFT_ASSIGN_OR_RETURN(const Tensor latent, WithBatch(tensor, 4));
      if (!IsFloat(latent.dtype()) || latent.rank() != 4 || latent.numel() == 0) {
        return Invalid("a latent is [c, h, w] or [b, c, h, w] of floats, not ", Describe(tensor));
      }
      return latent.To(DType::kF32, allocator);
    }
    case TensorKind::kImage: {
      WEFT_ASSIGN_OR_RETURN(const Tensor image, WithBatch(tensor, 4));
      const int64_t channels = image.rank() == 4 ? image.dim(3) : 0;
      const bool number = image.dtype() == DType::kU8 || IsFloat(image.dtype());
      if (!number || (channels != 1 && channels != 3 && channels != 4) || image.numel() == 0) {
        return Invalid("an image is [h, w, c] or [b, h, w, c], c = 1, 3 or 4, u8 or floats, not ",
                       Describe(tensor));
      }
      return image.dtype() == DType::kU8 ? image : image.To(DType::kF32, allocator);
    }
  }
  return absl::InternalError("unknown kind of tensor");
}

absl::StatusOr<absl::btree_map<std::string, Tensor>> TensorsOf(const Value& value,
                                                               const std::string& name) {
  absl::btree_map<std::string, Tensor> tensors;
  if (const Tensor* tensor = value.AsTensor()) {
    tensors.emplace(name, *tensor);
    return tensors;
  }
  if (const List* list = value.AsList(); list != nullptr && !list->empty()) {
    for (const Value& item : *list) {
      if (item.AsTensor() == nullptr) {
        return Invalid("expects tensors, but gets a list that holds ", item.kind());
      }
      tensors.emplace(absl::StrCat(name, ".", tensors.size()), *item.AsTensor());
    }
    return tensors;
  }
  if (value.kind() == Conditioning::kTypeName) {
    const auto& entries = static_cast<const Conditioning*>(value.AsObject())->entries();
    if (entries.size() != 1) {
      return Invalid("a file holds a conditioning of one entry, but this one has ", entries.size());
    }
    tensors.emplace(name, entries[0].tokens);
    if (!entries[0].pooled.empty()) {
      if (name == kPooledName) return Invalid("\"pooled\" is the name of the pooled embedding");
      tensors.emplace(std::string(kPooledName), entries[0].pooled);
    }
    return tensors;
  }
  return Invalid("expects a tensor, a list of tensors or a conditioning, but gets ", value.kind());
}

absl::StatusOr<bool> IsNpyPath(absl::string_view path) {
  const std::string lower = absl::AsciiStrToLower(path);
  if (absl::EndsWith(lower, ".npy")) return true;
  if (absl::EndsWith(lower, ".safetensors")) return false;
  return Invalid("\"", path, "\": tensors are saved as .safetensors or .npy");
}

}  // namespace weft
