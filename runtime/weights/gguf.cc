#include "runtime/weights/gguf.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/gguf_header.h"

namespace weft {
namespace {

class GgufFile : public ListedWeightFile {
 public:
  GgufFile(std::string path, WeightListing listing, std::vector<GgufTensor> tensors,
           std::shared_ptr<const MappedFile> file)
      : ListedWeightFile(std::move(path), std::move(listing)),
        entries_(std::move(tensors)),
        file_(std::move(file)) {}

  absl::StatusOr<Tensor> Read(size_t index) const override {
    const GgufTensor& entry = entries_[index];
    const std::byte* data = file_->data() + entry.begin;
    const std::shared_ptr<const void> lent = MappedFile::Lend(file_, data, entry.bytes);
    if (entry.type->plain.has_value()) {
      return TensorFromBytes(absl::MakeConstSpan(data, entry.bytes), *entry.type->plain,
                             entry.shape, /*swap_bytes=*/false, lent);
    }
    WEFT_ASSIGN_OR_RETURN(Tensor tensor,
                          Tensor::Allocate(Allocator(Device::kCpu), DType::kF32, entry.shape));
    entry.type->dequantize(data, entry.bytes / entry.type->block_bytes,
                           tensor.mutable_data<float>());
    return tensor;
  }
  bool Lends(size_t index) const override {
    const GgufTensor& entry = entries_[index];
    return entry.type->plain.has_value() && IsNative(*entry.type->plain);
  }

 private:
  std::vector<GgufTensor> entries_;
  std::shared_ptr<const MappedFile> file_;
};

}  // namespace

bool IsGguf(absl::string_view bytes) { return absl::StartsWith(bytes, "GGUF"); }

absl::StatusOr<std::shared_ptr<const ListedWeightFile>> OpenGguf(
    const std::string& path, std::shared_ptr<const MappedFile> file) {
  WEFT_ASSIGN_OR_RETURN(GgufHeader header, ParseGguf(file->text()));
  WeightListing listing{.format = "GGUF", .metadata = std::move(header.metadata)};
  for (const GgufTensor& tensor : header.tensors) {
    const bool plain = tensor.type->plain.has_value();
    listing.tensors.push_back({.name = tensor.name,
                               .type = std::string(tensor.type->name),
                               .dtype = plain ? DTypeOfStored(*tensor.type->plain) : DType::kF32,
                               .shape = tensor.shape,
                               .bytes = tensor.bytes});
  }
  return std::make_shared<GgufFile>(path, std::move(listing), std::move(header.tensors),
                                    std::move(file));
}

}  // namespace weft
