// Safetensors, plain and compressed, files of torch.save, pickles, GGUF and npy.

#include <cstdint>

#include "runtime/weights/int8_table.h"
#include "runtime/weights/npy.h"
#include "runtime/weights/pickle.h"
#include "runtime/weights/weight_file.h"
#include "runtime/weights/zip_archive.h"
#include "tests/fuzz/parsers.h"
#include "tests/runtime/base/scratch_folder.h"
#include "tests/runtime/weights/file_bytes.h"
#include "tests/runtime/weights/torch_bytes.h"

namespace weft {
namespace {

// Keeps the compiler from leaving out the reads.
volatile unsigned char seen = 0;

void Touch(const Tensor& tensor) {
  unsigned char all = 0;
  for (size_t i = 0; i < tensor.bytes(); ++i) {
    all = static_cast<unsigned char>(all ^ std::to_integer<unsigned char>(tensor.raw()[i]));
  }
  seen = all;
}

bool ReadWeights(absl::string_view bytes) {
  const auto file = OpenWeightFile("file", MappedFile::Of(bytes));
  if (!file.ok()) return false;
  bool ok = true;
  for (size_t i = 0; i < (*file)->tensors().size(); ++i) {
    const auto tensor = (*file)->Read(i);
    if (tensor.ok()) Touch(*tensor);
    ok = ok && tensor.ok();
  }
  return ok;
}

bool ReadNpyBytes(absl::string_view bytes) {
  const auto tensor = ReadNpy(MappedFile::Of(bytes));
  if (tensor.ok()) Touch(*tensor);
  return tensor.ok();
}

bool ReadPickleBytes(absl::string_view bytes) {
  const std::string copy(bytes);
  return ReadPickle(copy).ok();
}

std::vector<std::string> Goldens(const std::vector<std::string>& names) {
  std::vector<std::string> files;
  for (const std::string& name : names) {
    files.push_back(RepositoryFile("tests/goldens/weights/" + name));
  }
  return files;
}

std::vector<std::string> SafetensorsSeeds() {
  return Goldens({"types.safetensors", "views.safetensors", "state_dict.safetensors"});
}
std::vector<std::string> ZstdSeeds() {
  std::vector<std::string> seeds;
  for (const std::string& plain : SafetensorsSeeds()) {
    seeds.push_back(Zstd(plain));
    seeds.push_back(ZstdOfUnknownSize(plain));
  }
  return seeds;
}
std::vector<std::string> ZipSeeds() {
  std::vector<std::string> seeds = Goldens(
      {"types.pt", "views.pt", "lightning.pt", "parameter_dict.pt", "module.pt", "big_endian.pt"});
  seeds.push_back(TorchZip(OneTensorPickle(TypedTensorCall("ByteStorage", "float32", 2)),
                           std::string(8, '\1')));
  return seeds;
}
std::vector<std::string> LegacySeeds() {
  return Goldens({"types_legacy.pt", "views_legacy.pt", "lightning_legacy.pt", "module_legacy.pt"});
}
std::vector<std::string> PickleSeeds() {
  std::vector<std::string> pickles;
  for (const std::string& zip : ZipSeeds()) {
    const auto members = ReadStoredZip(zip);
    if (!members.ok()) continue;
    for (const auto& [name, bytes] : *members) {
      if (name.find("data.pkl") != std::string::npos) pickles.emplace_back(bytes);
    }
  }
  return pickles;
}
std::vector<std::string> GgufSeeds() { return Goldens({"types.gguf"}); }
std::vector<std::string> NpySeeds() {
  const ScratchFolder folder;
  std::vector<std::string> seeds;
  const auto tensor = Tensor::Of<float>(Shape{2, 3}, {1, 2, 3, 4, 5, 6});
  if (!tensor.ok() || !WriteNpy(folder / "a.npy", *tensor).ok()) return seeds;
  const std::string plain = ScratchFolder::Contents(folder / "a.npy");
  seeds.push_back(plain);
  for (const auto& [from, to] :
       {std::pair<std::string, std::string>{"False", "True "}, {"<f4", ">f4"}}) {
    std::string other = plain;
    other.replace(other.find(from), from.size(), to);
    seeds.push_back(other);
  }
  return seeds;
}

bool ReadInt8TableBytes(absl::string_view bytes) {
  const auto table = ParseInt8Table(bytes, "model.int8.json");
  return table.ok() && !(*table)->ToJson("").empty();
}
std::vector<std::string> Int8TableSeeds() {
  return {RepositoryFile("examples/models/sketch/unet/diffusion_pytorch_model.int8.json"),
          R"({"weft_int8": 1, "weights": "0", "int8_start": 0, "int8_stop": 0.9, "layers": {)"
          R"("a": {"noise": 0, "multiply_adds": 1, "kept": "few rows"},)"
          R"("b": {"noise": 1e-3, "multiply_adds": 9, "sources": [)"
          R"({"channels": 2, "scale": 0.5, "zero": 7}, {"channels": 1, "scale": 2, "zero": 0}],)"
          R"("migration": [0, -1, 3]}}})"};
}
// A few bytes may tell of many channels, but of no more than any network has.
size_t ForInt8Tables(absl::string_view bytes) { return ForValues(bytes) + (size_t{64} << 20); }

// A file compressed with zstd may hold 32 Ki times its size, and no more.
size_t ForZstd(absl::string_view bytes) {
  return ForValues(bytes) + bytes.size() * 32768 + (size_t{32} << 20);
}

}  // namespace

std::vector<Parser> WeightParsers() {
  return {{"safetensors", ReadWeights, SafetensorsSeeds, ForValues},
          {"zstd", ReadWeights, ZstdSeeds, ForZstd},
          {"torch_zip", ReadWeights, ZipSeeds, ForValues},
          {"torch_legacy", ReadWeights, LegacySeeds, ForValues},
          {"pickle", ReadPickleBytes, PickleSeeds, ForValues},
          {"gguf", ReadWeights, GgufSeeds, ForValues},
          {"npy", ReadNpyBytes, NpySeeds, ForValues},
          {"int8_table", ReadInt8TableBytes, Int8TableSeeds, ForInt8Tables}};
}

}  // namespace weft
