#include "runtime/weights/gguf_header.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/byte_reader.h"

namespace weft {
namespace {

constexpr uint64_t kLongestName = 1024;
constexpr size_t kMostExtents = 16;
constexpr size_t kLongestText = size_t{64} << 10;  // that is kept of a metadata text
constexpr uint64_t kMostListed = 32;               // elements of a metadata list that are kept
constexpr int kDeepest = 4;                        // lists within lists
constexpr uint64_t kDefaultAlignment = 32;

enum ValueType : uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};

absl::StatusOr<absl::string_view> Text(ByteReader& in) {
  WEFT_ASSIGN_OR_RETURN(const uint64_t length, in.Number<uint64_t>());
  return in.Bytes(length);
}

absl::StatusOr<std::string> Name(ByteReader& in) {
  WEFT_ASSIGN_OR_RETURN(const absl::string_view name, Text(in));
  if (name.size() > kLongestName) {
    return Invalid("a name of ", name.size(), " bytes is longer than the ", kLongestName,
                   " allowed");
  }
  return std::string(name);
}

template <typename T>
absl::StatusOr<std::string> NumberText(ByteReader& in) {
  WEFT_ASSIGN_OR_RETURN(const T number, in.Number<T>());
  return absl::StrCat(number);
}

// A value as text. Each element of a list takes a byte of the file at least, so that walking it is
// bounded by the file.
absl::StatusOr<std::string> ValueText(ByteReader& in, uint32_t type, int depth) {
  switch (type) {
    case kU8:
      return NumberText<uint8_t>(in);
    case kI8:
      return NumberText<int8_t>(in);
    case kU16:
      return NumberText<uint16_t>(in);
    case kI16:
      return NumberText<int16_t>(in);
    case kU32:
      return NumberText<uint32_t>(in);
    case kI32:
      return NumberText<int32_t>(in);
    case kF32:
      return NumberText<float>(in);
    case kU64:
      return NumberText<uint64_t>(in);
    case kI64:
      return NumberText<int64_t>(in);
    case kF64:
      return NumberText<double>(in);
    case kBool: {
      WEFT_ASSIGN_OR_RETURN(const uint8_t value, in.Number<uint8_t>());
      return std::string(value != 0 ? "true" : "false");
    }
    case kString: {
      WEFT_ASSIGN_OR_RETURN(const absl::string_view text, Text(in));
      return std::string(text.substr(0, kLongestText));
    }
    case kArray: {
      if (depth == kDeepest) return Invalid("lists are nested deeper than ", kDeepest);
      WEFT_ASSIGN_OR_RETURN(const uint32_t element, in.Number<uint32_t>());
      WEFT_ASSIGN_OR_RETURN(const uint64_t count, in.Number<uint64_t>());
      std::vector<std::string> kept;
      for (uint64_t i = 0; i < count; ++i) {
        WEFT_ASSIGN_OR_RETURN(std::string text, ValueText(in, element, depth + 1));
        if (count <= kMostListed) kept.push_back(std::move(text));
      }
      if (count > kMostListed) return absl::StrCat("(", count, " values)");
      return absl::StrCat("[", absl::StrJoin(kept, ", "), "]");
    }
    default:
      return Invalid("is of the unknown type ", type);
  }
}

absl::StatusOr<GgufTensor> ReadTensor(ByteReader& in) {
  GgufTensor tensor;
  WEFT_ASSIGN_OR_RETURN(tensor.name, Name(in));
  const auto read = [&]() -> absl::Status {
    WEFT_ASSIGN_OR_RETURN(const uint32_t rank, in.Number<uint32_t>());
    if (rank > kMostExtents) {
      return Invalid("its shape has ", rank, " extents, more than the ", kMostExtents,
                     " that are read");
    }
    std::vector<int64_t> extents(rank);
    for (size_t i = rank; i-- > 0;) {
      WEFT_ASSIGN_OR_RETURN(const uint64_t extent, in.Number<uint64_t>());
      if (extent > uint64_t{INT64_MAX}) {
        return Invalid("its shape has an extent of ", extent, ", too large to address");
      }
      extents[i] = static_cast<int64_t>(extent);
    }
    WEFT_ASSIGN_OR_RETURN(const uint32_t id, in.Number<uint32_t>());
    WEFT_ASSIGN_OR_RETURN(tensor.begin, in.Number<uint64_t>());
    tensor.type = FindGgufType(id);
    if (tensor.type == nullptr) {
      return Invalid("its type is ", GgufTypeName(id),
                     ", which is none of those that are read: ", ReadableGgufTypes());
    }
    // In f32, so that what is read can be addressed too.
    WEFT_RETURN_IF_ERROR(StoredBytes(extents, StoredType::kF64).status());
    tensor.shape = Shape(extents);
    const auto row = static_cast<uint64_t>(extents.empty() ? 1 : extents.back());
    if (row % tensor.type->block_elements != 0) {
      return Invalid("its shape ", tensor.shape.ToString(), " cannot be stored as ",
                     tensor.type->name, ": its rows are not made of blocks of ",
                     tensor.type->block_elements);
    }
    tensor.bytes = static_cast<size_t>(tensor.shape.numel()) / tensor.type->block_elements *
                   tensor.type->block_bytes;
    return absl::OkStatus();
  };
  const absl::Status status = read();
  if (!status.ok()) return Annotate(status, absl::StrCat("tensor ", Quoted(tensor.name)));
  return tensor;
}

// Some programs flatten tensors to rows of 256 and keep the true shape in the metadata.
absl::Status RestoreShape(GgufTensor& tensor,
                          const absl::btree_map<std::string, std::string>& metadata) {
  const auto kept = metadata.find(absl::StrCat("comfy.gguf.orig_shape.", tensor.name));
  if (kept == metadata.end()) return absl::OkStatus();
  absl::string_view text = kept->second;
  std::vector<int64_t> extents;
  bool numbers = absl::ConsumePrefix(&text, "[") && absl::ConsumeSuffix(&text, "]");
  for (const absl::string_view extent : absl::StrSplit(text, ", ")) {
    numbers = numbers && absl::SimpleAtoi(extent, &extents.emplace_back());
  }
  if (!numbers || !StoredBytes(extents, StoredType::kF64).ok() ||
      Shape(extents).numel() != tensor.shape.numel()) {
    return Invalid("tensor ", Quoted(tensor.name), ": its shape ", tensor.shape.ToString(),
                   " does not hold the elements of the true one that the metadata give it, ",
                   Quoted(kept->second));
  }
  tensor.shape = Shape(extents);
  return absl::OkStatus();
}

// Places of tensors within the file, from those within the data, which begin at `data_begin`.
absl::Status Place(std::vector<GgufTensor>& tensors, size_t data_begin, uint64_t alignment,
                   size_t file_bytes) {
  for (GgufTensor& tensor : tensors) {
    const size_t held = file_bytes - data_begin;
    if (tensor.begin % alignment != 0) {
      return Invalid("tensor ", Quoted(tensor.name), ": its data begins at ", tensor.begin,
                     ", which is no multiple of ", alignment);
    }
    if (tensor.begin > held || tensor.bytes > held - tensor.begin) {
      return Invalid("tensor ", Quoted(tensor.name), ": its ", tensor.bytes,
                     " bytes begin at byte ", tensor.begin,
                     " of the data, but the file holds only ", held, ": is it truncated?");
    }
    tensor.begin += data_begin;
  }
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& tensor : tensors) {
    if (tensor.bytes > 0) order.push_back(&tensor);
  }
  std::sort(order.begin(), order.end(), [](const GgufTensor* a, const GgufTensor* b) {
    return std::tie(a->begin, a->name) < std::tie(b->begin, b->name);
  });
  for (size_t i = 1; i < order.size(); ++i) {
    if (order[i]->begin < order[i - 1]->begin + order[i - 1]->bytes) {
      return Invalid("tensor ", Quoted(order[i]->name), ": its data begins within that of ",
                     Quoted(order[i - 1]->name));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GgufHeader> ParseGguf(absl::string_view file) {
  ByteReader in(file);
  WEFT_RETURN_IF_ERROR(in.Bytes(4).status());  // "GGUF"
  WEFT_ASSIGN_OR_RETURN(const uint32_t version, in.Number<uint32_t>());
  if (version != 2 && version != 3) {
    return Invalid(version != 0 && (version & 0xffff) == 0
                       ? "is a big-endian GGUF file, which is not read; version "
                       : "is a GGUF file of a version that is not read, neither 2 nor 3: ",
                   (version & 0xffff) == 0 ? version >> 24 : version);
  }
  WEFT_ASSIGN_OR_RETURN(const uint64_t tensors, in.Number<uint64_t>());
  WEFT_ASSIGN_OR_RETURN(const uint64_t values, in.Number<uint64_t>());
  GgufHeader header;
  for (uint64_t i = 0; i < values; ++i) {
    WEFT_ASSIGN_OR_RETURN(std::string key, Name(in));
    WEFT_ASSIGN_OR_RETURN(const uint32_t type, in.Number<uint32_t>());
    absl::StatusOr<std::string> value = ValueText(in, type, 0);
    if (!value.ok()) return Annotate(value.status(), absl::StrCat("metadata ", Quoted(key)));
    const auto [at, added] = header.metadata.emplace(std::move(key), *std::move(value));
    if (!added) return Invalid("metadata ", Quoted(at->first), ": is there twice");
  }
  uint64_t alignment = kDefaultAlignment;
  if (const auto told = header.metadata.find("general.alignment"); told != header.metadata.end()) {
    if (!absl::SimpleAtoi(told->second, &alignment) || alignment == 0 || alignment > 1 << 20 ||
        (alignment & (alignment - 1)) != 0) {
      return Invalid("its alignment is ", Quoted(told->second), ", not a power of two up to 2^20");
    }
  }
  absl::btree_map<absl::string_view, size_t> names;
  for (uint64_t i = 0; i < tensors; ++i) {
    WEFT_ASSIGN_OR_RETURN(GgufTensor tensor, ReadTensor(in));
    WEFT_RETURN_IF_ERROR(RestoreShape(tensor, header.metadata));
    header.tensors.push_back(std::move(tensor));
  }
  for (const GgufTensor& tensor : header.tensors) {
    if (!names.emplace(tensor.name, names.size()).second) {
      return Invalid("two tensors are named ", Quoted(tensor.name));
    }
  }
  const uint64_t data_begin = (in.position() + alignment - 1) / alignment * alignment;
  WEFT_RETURN_IF_ERROR(
      Place(header.tensors, std::min<uint64_t>(data_begin, file.size()), alignment, file.size()));
  return header;
}

}  // namespace weft
