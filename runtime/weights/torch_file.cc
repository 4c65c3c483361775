#include "runtime/weights/torch_file.h"

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/byte_reader.h"
#include "runtime/weights/torch_tensors.h"
#include "runtime/weights/zip_archive.h"

namespace weft {
namespace {

using Opened = absl::StatusOr<std::shared_ptr<const ListedWeightFile>>;
using Storages = absl::btree_map<std::string, absl::string_view>;

// A long of ten bytes, 0x1950a86a20f9469cfc6c, in a pickle of its own.
constexpr absl::string_view kLegacyMagic("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 13);
constexpr int64_t kLegacyVersion = 1001;

bool IsContiguous(const TorchTensor& tensor) {
  int64_t stride = 1;
  for (size_t i = tensor.sizes.size(); i-- > 0;) {
    if (tensor.sizes[i] != 1 && tensor.strides[i] != stride) return false;
    stride *= tensor.sizes[i];
  }
  return true;
}

// The elements of a strided view in row-major order. The view has been checked to be within `from`.
void Gather(const std::byte* from, const TorchTensor& tensor, std::byte* to) {
  const size_t size = SizeOf(tensor.type);
  const size_t rank = tensor.sizes.size();
  const int64_t row = rank > 0 ? tensor.sizes[rank - 1] : 1;
  const int64_t stride = rank > 0 ? tensor.strides[rank - 1] : 1;
  std::vector<int64_t> index(rank, 0);
  int64_t at = 0;
  for (size_t done = 0; done < tensor.bytes; done += static_cast<size_t>(row) * size) {
    for (int64_t i = 0; i < row; ++i) {
      std::memcpy(to + done + static_cast<size_t>(i) * size,
                  from + static_cast<size_t>(at + i * stride) * size, size);
    }
    for (size_t axis = rank > 0 ? rank - 1 : 0; axis-- > 0;) {
      at += tensor.strides[axis];
      if (++index[axis] < tensor.sizes[axis]) break;
      at -= tensor.strides[axis] * tensor.sizes[axis];
      index[axis] = 0;
    }
  }
}

class TorchFile : public ListedWeightFile {
 public:
  // `data` holds where each tensor's storage lies, from the tensor's first element on.
  TorchFile(std::string path, WeightListing listing, std::vector<TorchTensor> tensors,
            std::vector<absl::string_view> data, bool swap_bytes,
            std::shared_ptr<const MappedFile> file)
      : ListedWeightFile(std::move(path), std::move(listing)),
        views_(std::move(tensors)),
        data_(std::move(data)),
        swap_bytes_(swap_bytes),
        file_(std::move(file)) {}

  absl::StatusOr<Tensor> Read(size_t index) const override {
    const TorchTensor& view = views_[index];
    const auto* data = reinterpret_cast<const std::byte*>(data_[index].data());
    const std::shared_ptr<const void> lent = MappedFile::Lend(file_, data, view.bytes);
    if (view.bytes == 0 || IsContiguous(view)) {
      return TensorFromBytes(absl::MakeConstSpan(data, view.bytes), view.type, Shape(view.sizes),
                             swap_bytes_, lent);
    }
    WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<Buffer> buffer,
                          Buffer::Allocate(Device::kCpu, view.bytes, nullptr));
    Gather(data, view, buffer->data());
    return TensorFromBytes(absl::MakeConstSpan(buffer->data(), view.bytes), view.type,
                           Shape(view.sizes), swap_bytes_, buffer);
  }
  bool Lends(size_t index) const override {
    const TorchTensor& view = views_[index];
    return !swap_bytes_ && IsNative(view.type) && IsContiguous(view);
  }

 private:
  std::vector<TorchTensor> views_;
  std::vector<absl::string_view> data_;
  bool swap_bytes_;
  std::shared_ptr<const MappedFile> file_;
};

// A number of bytes that holds the persistent id's storage.
size_t BytesOf(const TorchStorage& storage) {
  const size_t size = storage.type.has_value() ? SizeOf(*storage.type) : 1;
  return static_cast<size_t>(storage.elements) * size;
}

// Checks every storage that the pickle speaks of, and makes the file of its tensors.
Opened MakeFile(const std::string& path, std::string format, const Pickle& pickle,
                const Storages& storages, bool swap_bytes, std::shared_ptr<const MappedFile> file) {
  WEFT_ASSIGN_OR_RETURN(TorchContents contents, ReadTorchContents(pickle));
  for (PickleRef ref = 0; ref < pickle.values.size(); ++ref) {
    if (!IsStorage(pickle, ref)) continue;
    WEFT_ASSIGN_OR_RETURN(const TorchStorage storage, TorchStorageOf(pickle, ref));
    const auto held = storages.find(storage.key);
    if (held == storages.end()) {
      return Invalid("its storage ", Quoted(storage.key), " is missing");
    }
    if (held->second.size() < BytesOf(storage)) {
      return Invalid("its storage ", Quoted(storage.key), " should have ", BytesOf(storage),
                     " bytes, but has ", held->second.size());
    }
  }
  WeightListing listing{.format = std::move(format),
                        .metadata = std::move(contents.metadata),
                        .notices = std::move(contents.notices)};
  std::vector<absl::string_view> data;
  for (const TorchTensor& tensor : contents.tensors) {
    listing.tensors.push_back({.name = tensor.name,
                               .type = std::string(SafetensorsName(tensor.type)),
                               .dtype = DTypeOfStored(tensor.type),
                               .shape = Shape(tensor.sizes),
                               .bytes = tensor.bytes});
    absl::string_view begin = storages.find(tensor.storage)->second;
    if (tensor.bytes > 0) {
      begin.remove_prefix(static_cast<size_t>(tensor.offset) * SizeOf(tensor.type));
    }
    data.push_back(begin);
  }
  return std::make_shared<TorchFile>(path, std::move(listing), std::move(contents.tensors),
                                     std::move(data), swap_bytes, std::move(file));
}

}  // namespace

Opened OpenTorchZip(const std::string& path, std::shared_ptr<const MappedFile> file) {
  WEFT_ASSIGN_OR_RETURN(const Storages members, ReadStoredZip(file->text()));
  constexpr absl::string_view kPickle = "data.pkl";
  std::optional<std::string> folder;
  for (const auto& [name, bytes] : members) {
    if (name != kPickle && !absl::EndsWith(name, "/data.pkl")) continue;
    if (folder.has_value()) return Invalid("holds more than one data.pkl");
    folder = name.substr(0, name.size() - kPickle.size());
  }
  if (!folder.has_value()) {
    return Invalid("is a zip archive, but not of torch.save: it holds no data.pkl");
  }
  if (members.contains(*folder + "constants.pkl")) {
    return Invalid("is a TorchScript program, not weights: save the model's state_dict instead");
  }
  bool big_endian = false;
  if (const auto order = members.find(*folder + "byteorder"); order != members.end()) {
    big_endian = order->second == "big";
    if (!big_endian && order->second != "little") {
      return Invalid("its byteorder is ", Quoted(order->second), ", neither little nor big");
    }
  }
  Storages storages;
  const std::string data = *folder + "data/";
  for (auto at = members.lower_bound(data);
       at != members.end() && absl::StartsWith(at->first, data); ++at) {
    storages.emplace(at->first.substr(data.size()), at->second);
  }
  WEFT_ASSIGN_OR_RETURN(const Pickle pickle,
                        ReadPickle(members.find(absl::StrCat(*folder, kPickle))->second));
  return MakeFile(path, "PyTorch", pickle, storages, big_endian, std::move(file));
}

bool IsLegacyTorch(absl::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == '\x80' && absl::StartsWith(bytes.substr(2), kLegacyMagic);
}

Opened OpenLegacyTorch(const std::string& path, std::shared_ptr<const MappedFile> file) {
  absl::string_view rest = file->text().substr(2 + kLegacyMagic.size());
  const auto next = [&rest]() -> absl::StatusOr<Pickle> {
    WEFT_ASSIGN_OR_RETURN(Pickle pickle, ReadPickle(rest));
    rest.remove_prefix(pickle.bytes);
    WEFT_RETURN_IF_ERROR(RefuseHostileGlobals(pickle));
    return pickle;
  };
  WEFT_ASSIGN_OR_RETURN(const Pickle version, next());
  if (version[version.root].integer != kLegacyVersion) {
    return Invalid("is of the version ", version[version.root].integer, " of PyTorch's format; ",
                   kLegacyVersion, " is known");
  }
  WEFT_RETURN_IF_ERROR(next().status());  // the system that wrote it
  WEFT_ASSIGN_OR_RETURN(const Pickle pickle, next());
  WEFT_ASSIGN_OR_RETURN(const Pickle keys, next());

  absl::btree_map<std::string, size_t> sizes;  // of an element
  for (PickleRef ref = 0; ref < pickle.values.size(); ++ref) {
    if (!IsStorage(pickle, ref)) continue;
    WEFT_ASSIGN_OR_RETURN(const TorchStorage storage, TorchStorageOf(pickle, ref));
    sizes.emplace(storage.key, storage.type.has_value() ? SizeOf(*storage.type) : 1);
  }
  Storages storages;
  ByteReader in(rest);
  for (const PickleRef ref : keys[keys.root].items) {
    const std::string key(keys[ref].text);
    const auto size = sizes.find(key);
    if (size == sizes.end()) return Invalid("lists the storage ", Quoted(key), ", used by nothing");
    WEFT_ASSIGN_OR_RETURN(const uint64_t elements, in.Number<uint64_t>());
    if (elements > in.left() / size->second) {
      return Invalid("is truncated: its storage ", Quoted(key), " has ", elements, " elements of ",
                     size->second, " bytes, but ", in.left(), " bytes follow");
    }
    WEFT_ASSIGN_OR_RETURN(const absl::string_view bytes, in.Bytes(elements * size->second));
    if (!storages.emplace(key, bytes).second)
      return Invalid("lists the storage ", Quoted(key), " twice");
  }
  return MakeFile(path, "PyTorch before 1.6", pickle, storages, /*swap_bytes=*/false,
                  std::move(file));
}

}  // namespace weft
