#include "runtime/weights/npy.h"

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

constexpr absl::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kLongestHeader = size_t{1} << 16;

struct Descr {
  absl::string_view code;  // without the byte order
  StoredType type;
};
constexpr std::array<Descr, 12> kDescrs = {{{"f8", StoredType::kF64},
                                            {"f4", StoredType::kF32},
                                            {"f2", StoredType::kF16},
                                            {"i8", StoredType::kI64},
                                            {"i4", StoredType::kI32},
                                            {"i2", StoredType::kI16},
                                            {"i1", StoredType::kI8},
                                            {"u8", StoredType::kU64},
                                            {"u4", StoredType::kU32},
                                            {"u2", StoredType::kU16},
                                            {"u1", StoredType::kU8},
                                            {"b1", StoredType::kBool}}};

// The header is a Python dict of three keys, as NumPy prints it:
//   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class HeaderParser {
 public:
  explicit HeaderParser(absl::string_view text) : rest_(text) {}

  absl::Status Parse(NpyHeader& header) {
    if (!Eat("{")) return Malformed("{");
    bool descr = false, order = false, shape = false;
    while (!Eat("}")) {
      WEFT_ASSIGN_OR_RETURN(const absl::string_view key, Text());
      if (!Eat(":")) return Malformed(":");
      bool* seen = key == "descr"           ? &descr
                   : key == "fortran_order" ? &order
                   : key == "shape"         ? &shape
                                            : nullptr;
      if (seen == nullptr) return Invalid("the header has the unknown key ", Quoted(key));
      if (std::exchange(*seen, true)) return Invalid("the header has ", Quoted(key), " twice");
      if (seen == &descr) WEFT_RETURN_IF_ERROR(ParseDescr(header));
      if (seen == &order) WEFT_RETURN_IF_ERROR(ParseOrder(header));
      if (seen == &shape) WEFT_RETURN_IF_ERROR(ParseShape(header));
      if (!Eat(",")) {
        if (!Eat("}")) return Malformed("}");
        break;
      }
    }
    Space();
    if (!rest_.empty()) return Malformed("the end");
    if (!descr || !order || !shape) {
      return Invalid("the header lacks \"",
                     !descr   ? "descr"
                     : !order ? "fortran_order"
                              : "shape",
                     "\"");
    }
    return absl::OkStatus();
  }

 private:
  void Space() { rest_ = absl::StripLeadingAsciiWhitespace(rest_); }
  bool Eat(absl::string_view token) {
    Space();
    return absl::ConsumePrefix(&rest_, token);
  }
  absl::Status Malformed(absl::string_view expected) const {
    return Invalid("the header is malformed: expected ", expected, " at ",
                   Quoted(rest_.substr(0, 20)));
  }
  absl::StatusOr<absl::string_view> Text() {
    Space();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return Malformed("a text");
    const size_t end = rest_.find(rest_[0], 1);
    if (end == absl::string_view::npos) return Malformed("a text");
    const absl::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }
  absl::Status ParseDescr(NpyHeader& header) {
    Space();
    if (absl::StartsWith(rest_, "[")) {
      return Invalid("the array holds records with fields, not numbers");
    }
    WEFT_ASSIGN_OR_RETURN(const absl::string_view descr, Text());
    const char order = descr.empty() ? '?' : descr[0];
    if (absl::StrContains(descr, "O")) {
      return Invalid("the array holds Python objects, which are never read");
    }
    for (const Descr& known : kDescrs) {
      if (descr.size() != 3 || descr.substr(1) != known.code) continue;
      if (order != '<' && order != '>' && order != '|' && order != '=') break;
      header.type = known.type;
      header.swap_bytes = order == '>';
      return absl::OkStatus();
    }
    return Invalid("the array's type is ", Quoted(descr),
                   ", which is none of f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8, b1");
  }
  absl::Status ParseOrder(NpyHeader& header) {
    header.fortran_order = Eat("True");
    if (!header.fortran_order && !Eat("False")) return Malformed("True or False");
    return absl::OkStatus();
  }
  absl::Status ParseShape(NpyHeader& header) {
    if (!Eat("(")) return Malformed("(");
    std::vector<int64_t> extents;
    while (!Eat(")")) {
      Space();
      size_t length = 0;
      while (length < rest_.size() &&
             (absl::ascii_isdigit(static_cast<unsigned char>(rest_[length])) ||
              (length == 0 && rest_[0] == '-'))) {
        ++length;
      }
      int64_t extent = 0;
      if (!absl::SimpleAtoi(rest_.substr(0, length), &extent)) return Malformed("an extent");
      rest_.remove_prefix(length);
      extents.push_back(extent);
      if (!Eat(",")) {
        if (!Eat(")")) return Malformed(")");
        break;
      }
    }
    header.shape = Shape(extents);
    return absl::OkStatus();
  }

  absl::string_view rest_;
};

// Elements in C order from elements in Fortran order.
std::vector<std::byte> FromFortranOrder(absl::Span<const std::byte> bytes, const Shape& shape,
                                        size_t size) {
  std::vector<std::byte> ordered(bytes.size());
  std::vector<int64_t> index(static_cast<size_t>(shape.rank()), 0);
  for (size_t at = 0; at + size <= bytes.size(); at += size) {
    // `index` is that of source element at / size; its first position runs fastest.
    int64_t to = 0;
    for (int i = 0; i < shape.rank(); ++i) to = to * shape.dim(i) + index[static_cast<size_t>(i)];
    std::memcpy(ordered.data() + static_cast<size_t>(to) * size, bytes.data() + at, size);
    for (size_t i = 0; i < index.size(); ++i) {
      if (++index[i] < shape.dim(static_cast<int>(i))) break;
      index[i] = 0;
    }
  }
  return ordered;
}

// Checks header and length of a whole file.
absl::StatusOr<NpyHeader> CheckedHeader(const MappedFile& file) {
  const absl::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  WEFT_ASSIGN_OR_RETURN(NpyHeader header, ParseNpyHeader(bytes));
  const size_t held = bytes.size() - header.data_begin;
  if (held != header.data_bytes) {
    return Invalid(held < header.data_bytes ? "is truncated: " : "holds too much: ", "shape ",
                   header.shape.ToString(), " takes ", header.data_bytes,
                   " bytes, but the file holds ", held);
  }
  return header;
}

absl::string_view DescrOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kBF16:
      return "<f4";
    case DType::kF16:
      return "<f2";
    case DType::kU8:
      return "|u1";
    case DType::kI32:
      return "<i4";
    case DType::kI64:
      return "<i8";
  }
  return "";
}

}  // namespace

absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view bytes) {
  if (!absl::StartsWith(bytes, kMagic)) {
    return Invalid("is not an npy file: it does not begin with \\x93NUMPY");
  }
  // Versions 1, 2 and 3 differ in the width of the length and in the header's text encoding.
  const auto byte_at = [bytes](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < 10) return Invalid("is truncated: its npy header is not complete");
  const unsigned version = byte_at(6);
  if (version < 1 || version > 3) return Invalid("is an npy file of unknown version ", version);
  const size_t width = version == 1 ? 2 : 4;
  if (bytes.size() < 8 + width) return Invalid("is truncated: its npy header is not complete");
  size_t length = 0;
  for (size_t i = width; i-- > 0;) length = length << 8 | byte_at(8 + i);
  if (length > kLongestHeader) {
    return Invalid("says that its npy header has ", length, " bytes, more than the ",
                   kLongestHeader, " allowed");
  }
  NpyHeader header;
  header.data_begin = 8 + width + length;
  if (bytes.size() < header.data_begin) {
    return Invalid("is truncated: its npy header is not complete");
  }
  WEFT_RETURN_IF_ERROR(HeaderParser(bytes.substr(8 + width, length)).Parse(header));
  WEFT_ASSIGN_OR_RETURN(header.data_bytes, StoredBytes(header.shape.dims(), header.type));
  return header;
}

absl::StatusOr<NpyHeader> ReadNpyHeader(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  absl::StatusOr<NpyHeader> header = CheckedHeader(*file);
  if (!header.ok()) return Annotate(header.status(), absl::StrCat("\"", path, "\""));
  return header;
}

absl::StatusOr<Tensor> ReadNpy(const std::shared_ptr<const MappedFile>& file) {
  WEFT_ASSIGN_OR_RETURN(const NpyHeader header, CheckedHeader(*file));
  const absl::Span<const std::byte> data(file->data() + header.data_begin, header.data_bytes);
  if (!header.fortran_order || header.shape.rank() < 2) {
    return TensorFromBytes(data, header.type, header.shape, header.swap_bytes, file);
  }
  return TensorFromBytes(FromFortranOrder(data, header.shape, SizeOf(header.type)), header.type,
                         header.shape, header.swap_bytes, nullptr);
}

absl::StatusOr<Tensor> ReadNpy(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  absl::StatusOr<Tensor> tensor = ReadNpy(file);
  if (!tensor.ok()) return Annotate(tensor.status(), absl::StrCat("\"", path, "\""));
  return tensor;
}

absl::Status WriteNpy(const std::string& path, const Tensor& tensor) {
  if (tensor.empty() || tensor.is_meta()) return Invalid("\"", path, "\": no data to write");
  Tensor written = tensor;
  if (tensor.dtype() == DType::kBF16) {
    WEFT_ASSIGN_OR_RETURN(written, tensor.To(DType::kF32, Allocator(Device::kCpu)));
  }
  std::string shape;
  for (const int64_t extent : written.shape().dims()) absl::StrAppend(&shape, extent, ", ");
  if (written.rank() > 1) shape.resize(shape.size() - 2);
  std::string header = absl::StrCat("{'descr': '", DescrOf(written.dtype()),
                                    "', 'fortran_order': False, 'shape': (", shape, "), }");
  // NumPy aligns the data to 64 bytes, and ends the header with a newline.
  header.resize((kMagic.size() + 4 + header.size() + 1 + 63) / 64 * 64 - kMagic.size() - 4 - 1,
                ' ');
  header += '\n';
  std::string start(kMagic);
  start +=
      {'\1', '\0', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  WEFT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  WEFT_RETURN_IF_ERROR(file.Write(start));
  WEFT_RETURN_IF_ERROR(file.Write(header));
  WEFT_RETURN_IF_ERROR(
      file.Write(absl::string_view(reinterpret_cast<const char*>(written.raw()), written.bytes())));
  return file.Commit();
}

}  // namespace weft
