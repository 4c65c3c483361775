// weft convert-model IN OUT: a model in another layout or type.

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nodes/io/convert_model.h"
#include "runtime/base/status_macros.h"
#include "runtime/command/command.h"

namespace weft {
namespace {

struct Arguments {
  std::string in;
  std::string out;
  std::string layout;
  std::string dtype;
  bool zstd = false;
};

absl::Status Convert(const WeftRuntime& weft, Arguments arguments) {
  Environment environment;
  environment.model_folders = weft.runtime().model_folders;
  WEFT_ASSIGN_OR_RETURN(const std::string path, environment.ModelPath(arguments.in));
  WEFT_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(path));
  ConvertOptions options{.model_folders = environment.model_folders};
  options.stream.zstd = arguments.zstd;
  if (!arguments.dtype.empty()) options.stream.dtype = DTypeFromName(arguments.dtype);
  if (arguments.layout.empty()) {
    const bool file = absl::EndsWith(arguments.out, ".safetensors") ||
                      absl::EndsWith(arguments.out, ".safetensors.zst");
    arguments.layout = file ? "single" : "diffusers";
  }
  if (arguments.layout == "diffusers") {
    return WriteDiffusersFolder(checkpoint, arguments.out, options);
  }
  if (!absl::EndsWith(arguments.out, arguments.zstd ? ".safetensors.zst" : ".safetensors")) {
    return Invalid("\"", arguments.out, "\": a single file's name ends in .safetensors",
                   arguments.zstd ? ".zst" : "");
  }
  return WriteSingleFile(checkpoint, arguments.out, options);
}

}  // namespace

void AddConvertModelCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "convert-model", "Write a model as a diffusers folder or a single file, in another type");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("IN", arguments->in, "A folder or file, or a model's name")->required();
  command->add_option("OUT", arguments->out, "The folder or .safetensors file to write")
      ->required();
  command
      ->add_option("--layout", arguments->layout,
                   "diffusers (a folder) or single (one file, original names); else as OUT ends")
      ->check(CLI::IsMember({"diffusers", "single"}));
  command->add_option("--dtype", arguments->dtype, "f32, f16 or bf16; else as it is")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}));
  command->add_flag("--zstd", arguments->zstd, "Compress the weights: .safetensors.zst");
  command->callback([arguments, &chosen] {
    chosen = [arguments]() -> int {
      const absl::StatusOr<std::unique_ptr<WeftRuntime>> weft = OpenRuntime();
      if (!weft.ok()) return Fail(kRunFailed, weft.status());
      const absl::Status status = Convert(**weft, *arguments);
      if (!status.ok()) return Fail(kRunFailed, status);
      std::puts(arguments->out.c_str());
      return kOk;
    };
  });
}

}  // namespace weft
