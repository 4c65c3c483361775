#include "runtime/weights/safetensors.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

// A file in memory as it lies on disk: tensors are windows on the mapping.
class MappedSafetensors : public SafetensorsFile {
 public:
  MappedSafetensors(std::string path, SafetensorsHeader header,
                    std::shared_ptr<const MappedFile> file, size_t data_begin)
      : SafetensorsFile(std::move(path), "safetensors", std::move(header)),
        file_(std::move(file)),
        data_begin_(data_begin) {}

  absl::StatusOr<Tensor> Read(size_t index) const override {
    const SafetensorsEntry& entry = entries()[index];
    const std::byte* data = file_->data() + data_begin_ + entry.begin;
    const size_t bytes = entry.end - entry.begin;
    return TensorFromBytes(absl::MakeConstSpan(data, bytes), entry.type, entry.shape,
                           /*swap_bytes=*/false, MappedFile::Lend(file_, data, bytes));
  }
  bool Lends(size_t index) const override { return IsNative(entries()[index].type); }

 private:
  std::shared_ptr<const MappedFile> file_;
  size_t data_begin_;
};

WeightListing Listing(std::string format, SafetensorsHeader& header) {
  WeightListing listing;
  listing.format = std::move(format);
  listing.metadata = std::move(header.metadata);
  listing.tensors.reserve(header.entries.size());
  for (const SafetensorsEntry& entry : header.entries) {
    listing.tensors.push_back({.name = entry.name,
                               .type = std::string(SafetensorsName(entry.type)),
                               .dtype = DTypeOfStored(entry.type),
                               .shape = entry.shape,
                               .bytes = entry.end - entry.begin});
  }
  return listing;
}

}  // namespace

SafetensorsFile::SafetensorsFile(std::string path, std::string format, SafetensorsHeader header)
    : ListedWeightFile(std::move(path), Listing(std::move(format), header)),
      entries_(std::move(header.entries)) {}

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> OpenSafetensors(
    const std::string& path, std::shared_ptr<const MappedFile> file) {
  if (file->size() == 0) return Invalid("is empty");
  const absl::string_view bytes = file->text();
  WEFT_ASSIGN_OR_RETURN(const size_t length, SafetensorsHeaderLength(bytes));
  if (length > bytes.size() - kSafetensorsPrefix) {
    return Invalid("is truncated: its header has ", length, " bytes, but the file has ",
                   bytes.size());
  }
  WEFT_ASSIGN_OR_RETURN(SafetensorsHeader header,
                        ParseSafetensorsHeader(bytes.substr(kSafetensorsPrefix, length)));
  const size_t data_begin = kSafetensorsPrefix + length;
  const size_t data_bytes = bytes.size() - data_begin;
  if (header.data_bytes > data_bytes) {
    const SafetensorsEntry& last = header.entries.back();
    return Invalid("tensor ", Quoted(last.name), " ends at byte ", last.end,
                   " of the data, but the file holds only ", data_bytes, ": is it truncated?");
  }
  if (header.data_bytes < data_bytes) {
    return Invalid("holds ", data_bytes - header.data_bytes,
                   " bytes after its last tensor, which belong to none");
  }
  return std::make_shared<MappedSafetensors>(path, std::move(header), std::move(file), data_begin);
}

absl::Status WriteSafetensors(const std::string& path,
                              const absl::btree_map<std::string, Tensor>& tensors,
                              const absl::btree_map<std::string, std::string>& metadata) {
  nlohmann::json header = nlohmann::json::object();
  for (const auto& [key, value] : metadata) header["__metadata__"][key] = value;
  size_t end = 0;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.empty() || tensor.is_meta()) {
      return Invalid("\"", path, "\": tensor ", Quoted(name), " has no data to write");
    }
    if (name == "__metadata__") {
      return Invalid("\"", path, "\": no tensor can be named \"__metadata__\"");
    }
    const size_t begin = std::exchange(end, end + tensor.bytes());
    header[name] = {
        {"dtype", std::string(SafetensorsName(StoredTypeOf(tensor.dtype())))},
        {"shape", std::vector<int64_t>(tensor.shape().dims().begin(), tensor.shape().dims().end())},
        {"data_offsets", {begin, end}}};
  }
  // Spaces fill the header up, so that the data begins at a multiple of 8 bytes. Names that are no
  // UTF-8 are written with replacement characters rather than thrown at.
  std::string json = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  json.resize((json.size() + 7) / 8 * 8, ' ');
  std::string prefix;
  for (size_t i = 0; i < kSafetensorsPrefix; ++i) {
    prefix += static_cast<char>(static_cast<uint64_t>(json.size()) >> (8 * i) & 0xff);
  }
  WEFT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  WEFT_RETURN_IF_ERROR(file.Write(prefix));
  WEFT_RETURN_IF_ERROR(file.Write(json));
  for (const auto& [name, tensor] : tensors) {
    WEFT_RETURN_IF_ERROR(
        file.Write(absl::string_view(reinterpret_cast<const char*>(tensor.raw()), tensor.bytes())));
  }
  return file.Commit();
}

}  // namespace weft
