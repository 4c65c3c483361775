#include "runtime/weights/safetensors_stream.h"

#include <zstd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/safetensors.h"

namespace weft {
namespace {

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

DType WrittenAs(const Weight& weight, const StreamOptions& options) {
  return options.dtype.has_value() && IsFloat(weight.dtype()) ? *options.dtype : weight.dtype();
}

// The eight bytes of length and the header, filled up to a multiple of 8.
std::string Header(const absl::btree_map<std::string, Weight>& weights,
                   const StreamOptions& options) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};  // what transformers insists on
  size_t end = 0;
  for (const auto& [name, weight] : weights) {
    const DType dtype = WrittenAs(weight, options);
    const size_t begin = end;
    end += static_cast<size_t>(weight.shape().numel()) * SizeOf(dtype);
    const absl::Span<const int64_t> dims = weight.shape().dims();
    header[name] = {{"dtype", std::string(SafetensorsName(StoredTypeOf(dtype)))},
                    {"shape", std::vector<int64_t>(dims.begin(), dims.end())},
                    {"data_offsets", {begin, end}}};
  }
  std::string json = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  json.resize((json.size() + 7) / 8 * 8, ' ');
  std::string prefix;
  for (size_t i = 0; i < kSafetensorsPrefix; ++i) {
    prefix += static_cast<char>(static_cast<uint64_t>(json.size()) >> (8 * i) & 0xff);
  }
  return prefix + json;
}

// A file that is compressed on its way, or not.
class Sink {
 public:
  Sink(AtomicFile file, bool zstd) : file_(std::move(file)) {
    if (zstd) stream_.reset(ZSTD_createCStream());
    compressed_ = zstd;
  }

  absl::Status Write(absl::string_view bytes) { return Put(bytes, ZSTD_e_continue); }
  absl::Status Commit() {
    WEFT_RETURN_IF_ERROR(Put("", ZSTD_e_end));
    return file_.Commit();
  }

 private:
  struct FreeStream {
    void operator()(ZSTD_CStream* stream) const { ZSTD_freeCStream(stream); }
  };

  absl::Status Put(absl::string_view bytes, ZSTD_EndDirective what) {
    if (!compressed_) return bytes.empty() ? absl::OkStatus() : file_.Write(bytes);
    if (stream_ == nullptr) return absl::ResourceExhaustedError("out of memory for zstd");
    std::string out(ZSTD_CStreamOutSize(), '\0');
    ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
    for (bool done = false; !done;) {
      ZSTD_outBuffer to = {out.data(), out.size(), 0};
      const size_t left = ZSTD_compressStream2(stream_.get(), &to, &in, what);
      if (ZSTD_isError(left)) {
        return absl::InternalError(absl::StrCat("zstd: ", ZSTD_getErrorName(left)));
      }
      WEFT_RETURN_IF_ERROR(file_.Write(absl::string_view(out.data(), to.pos)));
      done = what == ZSTD_e_end ? left == 0 : in.pos == in.size;
    }
    return absl::OkStatus();
  }

  AtomicFile file_;
  std::unique_ptr<ZSTD_CStream, FreeStream> stream_;
  bool compressed_ = false;
};

}  // namespace

absl::Status StreamSafetensors(const std::string& path,
                               const absl::btree_map<std::string, Weight>& weights,
                               const StreamOptions& options) {
  WEFT_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  Sink sink(std::move(file), options.zstd);
  WEFT_RETURN_IF_ERROR(sink.Write(Header(weights, options)));
  for (const auto& [name, weight] : weights) {
    WEFT_ASSIGN_OR_RETURN(Tensor tensor, weight.Read());
    WEFT_ASSIGN_OR_RETURN(tensor, tensor.To(WrittenAs(weight, options), Allocator(Device::kCpu)));
    if (const int64_t bad = FirstNonFinite(tensor); bad >= 0) {
      return Invalid("\"", path, "\": tensor ", Quoted(name), ": element ", bad,
                     " does not fit in ", Name(tensor.dtype()));
    }
    WEFT_RETURN_IF_ERROR(
        sink.Write(absl::string_view(reinterpret_cast<const char*>(tensor.raw()), tensor.bytes())));
  }
  return sink.Commit();
}

}  // namespace weft
