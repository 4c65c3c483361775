#include "runtime/weights/weight_file.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/gguf.h"
#include "runtime/weights/safetensors.h"
#include "runtime/weights/torch_file.h"
#include "runtime/weights/zstd_safetensors.h"
#include "runtime/weights/zstd_stream.h"

namespace weft {
namespace {

constexpr absl::string_view kZip("PK\x03\x04", 4);

using Opened = absl::StatusOr<std::shared_ptr<const ListedWeightFile>>;

Opened OpenByContent(const std::string& path, std::shared_ptr<const MappedFile> file) {
  if (file->size() == 0) return Invalid("is empty");
  const absl::string_view bytes = file->text();
  if (IsZstd(bytes)) return OpenZstdSafetensors(path, std::move(file));
  if (bytes.size() > kSafetensorsPrefix && bytes[kSafetensorsPrefix] == '{') {
    return OpenSafetensors(path, std::move(file));
  }
  if (absl::StartsWith(bytes, kZip)) return OpenTorchZip(path, std::move(file));
  if (IsLegacyTorch(bytes)) return OpenLegacyTorch(path, std::move(file));
  if (IsGguf(bytes)) return OpenGguf(path, std::move(file));
  if (bytes[0] == '\x80') {
    return Invalid("is a pickle, but not of torch.save: it lacks the number that marks one");
  }
  return Invalid(
      "is no weight file that is known: it begins with ", Quoted(bytes.substr(0, 8)),
      "; known are safetensors, plain or compressed with zstd, files of torch.save, and GGUF");
}

}  // namespace

Opened OpenWeightFile(const std::string& path) {
  WEFT_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  return OpenWeightFile(path, std::move(file));
}

Opened OpenWeightFile(const std::string& path, std::shared_ptr<const MappedFile> file) {
  Opened opened = OpenByContent(path, std::move(file));
  if (!opened.ok()) return Annotate(opened.status(), absl::StrCat("\"", path, "\""));
  return opened;
}

}  // namespace weft
