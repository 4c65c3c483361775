// weft replay PICTURE.png: draws a picture again from the graph that it carries.

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nodes/image/codec.h"
#include "nodes/image/png_text.h"
#include "runtime/base/file.h"
#include "runtime/command/graph_arguments.h"
#include "runtime/command/pictures.h"
#include "runtime/command/run_graph.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string picture;
  ComputeArguments compute;
  RunArguments run;
};

// The one of `files` that is most like `picture`, in words.
std::string Verdict(const Tensor& picture, const std::string& name,
                    const std::vector<std::string>& files) {
  std::string nearest;
  double least = 256;
  for (const std::string& file : files) {
    if (!absl::EndsWithIgnoreCase(file, ".png")) continue;
    const absl::StatusOr<Tensor> again = DecodeImageFile(file, Allocator(Device::kCpu));
    if (!again.ok()) continue;
    const absl::StatusOr<PictureDistance> distance = Compare(picture, *again);
    if (!distance.ok()) continue;
    if (distance->max == 0) return absl::StrCat(file, ": the same pixels as ", name);
    if (distance->mean >= least) continue;
    least = distance->mean;
    nearest = absl::StrFormat("%s: differs from %s in %.1f%% of the pixels, by at most %.0f of 255",
                              file, name, 100 * distance->changed, distance->max);
  }
  return nearest.empty() ? absl::StrCat("nothing that was drawn has the size of ", name) : nearest;
}

int Replay(const Arguments& arguments) {
  RunOptions options;
  const absl::Status applied = arguments.compute.ApplyTo(options);
  if (!applied.ok()) return FailToOpen(applied);
  const absl::StatusOr<std::unique_ptr<WeftRuntime>> weft = OpenRuntime();
  if (!weft.ok()) return Fail(kRunFailed, weft.status());
  const absl::StatusOr<std::string> description = ReadPngText(arguments.picture, kPngGraphKey);
  if (!description.ok()) {
    return Fail(kBadUsage, absl::IsNotFound(description.status()) && FileExists(arguments.picture)
                               ? absl::InvalidArgumentError(
                                     absl::StrCat("\"", arguments.picture,
                                                  "\": carries no graph: weft did not "
                                                  "save it, or something has stripped it"))
                               : description.status());
  }
  const absl::StatusOr<Tensor> picture =
      DecodeImageFile(arguments.picture, Allocator(Device::kCpu));
  if (!picture.ok()) return Fail(kBadUsage, picture.status());
  const fs::path path(arguments.picture);
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  const absl::StatusOr<Pipeline> pipeline =
      Pipeline::Replay(*description, folder, (*weft)->runtime(), options);
  if (!pipeline.ok()) return FailToOpen(pipeline.status());
  const FinishedRun run = RunGraph(*pipeline, arguments.picture, options, arguments.run);
  if (run.code != kOk) return run.code;
  std::vector<std::string> files;
  const int code = SaveOutputs(*pipeline, options, run,
                               absl::StrCat(path.stem().string(), ".replay"), arguments.run, files);
  if (code != kOk) return code;
  files.insert(files.end(), run.files.begin(), run.files.end());
  if (!arguments.run.json) {
    std::puts(Verdict(*picture, arguments.picture, files).c_str());
  }
  return kOk;
}

}  // namespace

void AddReplayCommand(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "replay", "Draw a picture again from the graph that it carries, and compare");
  auto arguments = std::make_shared<Arguments>();
  arguments->run.out = "out/replay";
  command->add_option("PICTURE", arguments->picture, "A PNG that weft saved")->required();
  arguments->compute.AddMemoryTo(*command);
  command->add_option("--threads", arguments->compute.threads, "How many; 0 for one each core")
      ->check(CLI::Range(0, 1024));
  arguments->run.AddTo(*command);
  command->callback([arguments, &chosen] { chosen = [arguments] { return Replay(*arguments); }; });
}

}  // namespace weft
