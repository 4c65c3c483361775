// The program itself: what it prints, and how it ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "nodes/image/codec.h"
#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Ended {
  int code = -1;
  std::string out;
  std::string err;
};

// Runs `weft arguments` in `folder` through a shell.
Ended Weft(const ScratchFolder& folder, const std::string& arguments,
           const std::string& before = "") {
  const std::string err = folder / "stderr.txt";
  const std::string command = "cd '" + folder.path() + "' && " + before + " '" + WEFT_COMMAND +
                              "' " + arguments + " 2>'" + err + "'";
  Ended ended;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return ended;
  std::array<char, 4096> buffer;
  size_t size = 0;
  while ((size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
    ended.out.append(buffer.data(), size);
  }
  const int status = pclose(pipe);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ended.err = ScratchFolder::Contents(err);
  return ended;
}

// A graph without nodes: its params are its outputs.
constexpr char kEcho[] = R"({
  "weft": 1,
  "title": "Echo",
  "params": {
    "count": {"type": "int", "default": 3, "min": 1, "max": 9},
    "scale": {"type": "float", "default": 0.5},
    "words": {"type": "text", "default": "a b"},
    "loud":  {"type": "bool", "default": false}
  },
  "nodes": {},
  "outputs": {"count": "graph.count", "scale": "graph.scale", "words": "graph.words", "loud": "graph.loud"}
})";

constexpr char kStrip[] = R"({
  "weft": 1,
  "nodes": {
    "shape": {"type": "RectangleMask", "params": {"width": 16, "height": 8, "left": 0, "top": 0, "right": 4, "bottom": 8}},
    "image": {"type": "MaskToImage", "inputs": {"mask": "shape"}}
  },
  "outputs": {"image": "image"}
})";

// Usage.

TEST(Command, WithoutACommandSaysThatOneIsMissing) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err, "weft: a command is missing; see weft --help\n");
}

TEST(Command, NamesTheNearestCommand) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "rnu x.json");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, AllOf(StartsWith("weft: unknown command \"rnu\""),
                               HasSubstr("did you mean \"run\"?")));
}

TEST(Command, NamesTheNearestOption) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "run x.json --thread 2");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, StartsWith("weft: unknown option \"--thread\"; did you mean "
                                    "\"--threads\"?"));
}

TEST(Command, NamesAnArgumentThatItDidNotExpect) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "check x.json y.json");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err, "weft: unexpected argument \"y.json\"; see weft check --help\n");
}

TEST(Command, HelpDocumentsTheExitCodes) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "--help");
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("Exit codes: 0 done"), HasSubstr("130 interrupted"),
                               HasSubstr("WEFT_MODELS")));
}

TEST(Command, RunWithoutAGraphIsWrongUsage) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "run");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("GRAPH is required"), HasSubstr("see weft run --help")));
}

TEST(Command, RefusesAPrecisionThatItDoesNotKnow) {
  const ScratchFolder folder;
  folder.Put("echo.json", kEcho);
  const Ended ended = Weft(folder, "run echo.json --precision f64");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, AllOf(StartsWith("weft: --precision: f64 not in"), HasSubstr("bf16")));
}

TEST(Command, NamesTheNearestGraph) {
  const ScratchFolder folder;
  folder.Put("echo.json", kEcho);
  const Ended ended = Weft(folder, "check ehco.json");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err, "weft: there is no graph \"ehco.json\"; did you mean \"echo\"?\n");
}

TEST(Command, SaysThatAFolderIsNoGraph) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "check /tmp");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, StartsWith("weft: there is no graph \"/tmp\": it is a folder"));
}

// Params and overrides.

TEST(Command, RunPrintsScalarOutputs) {
  const ScratchFolder folder;
  folder.Put("echo.json", kEcho);
  const Ended ended =
      Weft(folder,
           "run echo.json --param count=7 --param 'words=x = \"3\"' --param scale=2 "
           "--param loud=true");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "count = 7\nloud = true\nscale = 2.0\nwords = \"x = \\\"3\\\"\"\n");
}

TEST(Command, NamesTheNearestParam) {
  const ScratchFolder folder;
  folder.Put("echo.json", kEcho);
  const Ended ended = Weft(folder, "run echo.json --param cuont=7");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err,
            "weft: --param \"cuont=7\": the graph has no param \"cuont\"; did you mean "
            "\"count\"?\n");
}

TEST(Command, RefusesWordsForAnInt) {
  const ScratchFolder folder;
  folder.Put("echo.json", kEcho);
  const Ended ended = Weft(folder, "run echo.json --param count=many");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err,
            "weft: --param \"count=many\": \"count\" expects a whole number, not "
            "\"many\"\n");
}

TEST(Command, RefusesAParamOutOfRange) {
  const ScratchFolder folder;
  folder.Put("echo.json", kEcho);
  const Ended ended = Weft(folder, "run echo.json --param count=10");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err, "weft: --param \"count=10\": \"count\" is 10, above its maximum of 9\n");
}

TEST(Command, ReportsAllWrongParamsAtOnce) {
  const ScratchFolder folder;
  folder.Put("echo.json", kEcho);
  const Ended ended = Weft(folder, "run echo.json --param loud=1 --param scale=x --param count");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err,
            "weft: --param \"loud=1\": \"loud\" expects true or false, not \"1\"\n"
            "weft: --param \"scale=x\": \"scale\" expects a number, not \"x\"\n"
            "weft: --param \"count\": expected NAME=VALUE\n");
}

TEST(Command, NamesTheNearestInputOfANode) {
  const ScratchFolder folder;
  folder.Put("strip.json", kStrip);
  const Ended ended = Weft(folder, "run strip.json --set shape.widht=4");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, StartsWith("weft: --set \"shape.widht=4\": the graph has no input "
                                    "\"shape.widht\"; did you mean \"shape.width\"?"));
}

TEST(Command, RefusesALiteralForAWire) {
  const ScratchFolder folder;
  folder.Put("strip.json", kStrip);
  const Ended ended = Weft(folder, "run strip.json --set image.mask=4");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, HasSubstr("\"mask\" takes a wire that carries mask; its value cannot be "
                                   "written down"));
}

// Wrong graphs.

TEST(Command, CheckSaysOk) {
  const ScratchFolder folder;
  folder.Put("echo.json", kEcho);
  const Ended ended = Weft(folder, "check echo.json");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "echo.json: ok\n");
}

TEST(Command, CheckReportsEveryProblemOnALineOfItsOwn) {
  const ScratchFolder folder;
  folder.Put("bad.json", R"({"weft": 1, "nodes": {
    "a": {"type": "RectangelMask"},
    "b": {"type": "MaskToImage", "inputs": {"msak": "a"}}},
    "outputs": {"x": "c"}})");
  const Ended ended = Weft(folder, "check bad.json");
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("weft: bad.json:2: node \"a\" (RectangelMask): unknown "
                                         "node type \"RectangelMask\"; did you mean "
                                         "\"RectangleMask\"?\n"),
                               HasSubstr("weft: bad.json:3: node \"b\""),
                               HasSubstr("there is no node \"c\"")));
}

TEST(Command, BadJsonSaysLineAndColumn) {
  const ScratchFolder folder;
  folder.Put("bad.json", "{\n  \"weft\": 1,\n  \"nodes\" {}\n}");
  const Ended ended = Weft(folder, "run bad.json");
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, AllOf(StartsWith("weft: bad.json"), HasSubstr("line 3, column 11")));
}

TEST(Command, ErrorsComeAsJsonToo) {
  const ScratchFolder folder;
  folder.Put("bad.json", R"({"weft": 1, "nodes": {"a": {"type": "Nothing"}}, "outputs": {}})");
  const Ended ended = Weft(folder, "run bad.json --json");
  EXPECT_EQ(ended.code, 3);
  const nlohmann::json event = nlohmann::json::parse(ended.out, nullptr, false);
  ASSERT_TRUE(event.is_object()) << ended.out;
  EXPECT_EQ(event["event"], "error");
  EXPECT_EQ(event["exit_code"], 3);
  EXPECT_EQ(event["problems"][0]["node"], "a");
}

// Running.

TEST(Command, RunSavesPicturesAndPrintsTheirPathsLast) {
  const ScratchFolder folder;
  folder.Put("strip.json", kStrip);
  const Ended ended = Weft(folder, "run strip.json --out pictures");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "pictures/strip.image.png\n");
  EXPECT_TRUE(std::filesystem::exists(folder / "pictures/strip.image.png"));
  EXPECT_THAT(ended.err, AllOf(StartsWith("running strip.json in "), HasSubstr("\ndone in "),
                               HasSubstr("peak memory")));
}

TEST(Command, QuietRunsSayNothingOnStandardError) {
  const ScratchFolder folder;
  folder.Put("echo.json", kEcho);
  EXPECT_EQ(Weft(folder, "run echo.json --quiet").err, "");
}

TEST(Command, JsonRunsGiveAnObjectALine) {
  const ScratchFolder folder;
  folder.Put("strip.json", kStrip);
  const Ended ended = Weft(folder, "run strip.json --json");
  EXPECT_EQ(ended.code, 0) << ended.err;
  std::vector<std::string> events;
  std::istringstream lines(ended.out);
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(event.is_object()) << line;
    events.push_back(event["event"]);
    if (events.back() == "output") {
      EXPECT_EQ(event["files"][0], "out/strip.image.png");
    }
  }
  EXPECT_EQ(events.front(), "start");
  EXPECT_THAT(events, ::testing::Contains("done"));
  EXPECT_EQ(events.back(), "output");
}

TEST(Command, AnOutputFolderThatIsAFileIsOneClearError) {
  const ScratchFolder folder;
  folder.Put("strip.json", kStrip);
  folder.Put("taken", "");
  const Ended ended = Weft(folder, "run strip.json --quiet --out taken");
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, AllOf(StartsWith("weft: output \"image\": \"taken\""), HasSubstr("\n")));
  EXPECT_EQ(folder.CountFiles(), 3);  // the graph, the file in the way, and stderr
}

TEST(Command, AFullStandardOutputFailsTheRun) {
  const ScratchFolder folder;
  folder.Put("echo.json", kEcho);
  const Ended ended = Weft(folder, "run echo.json --quiet >/dev/full");
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.err, "weft: cannot write to standard output\n");
}

TEST(Command, TraceIsChromeTraceJson) {
  const ScratchFolder folder;
  folder.Put("strip.json", kStrip);
  EXPECT_EQ(Weft(folder, "run strip.json --quiet --trace t.json").code, 0);
  const nlohmann::json trace =
      nlohmann::json::parse(ScratchFolder::Contents(folder / "t.json"), nullptr, false);
  ASSERT_TRUE(trace.contains("traceEvents"));
  EXPECT_EQ(trace["traceEvents"][0]["name"], "shape");
}

TEST(Command, AnInterruptedRunEndsWith130) {
  const ScratchFolder folder;
  folder.Put("endless.json", R"({"weft": 1, "params": {"on": {"type": "bool", "default": true}},
    "nodes": {
      "loop": {"type": "Loop", "while": "on", "params": {"max_rounds": 1000000000},
        "carry": {"on": "graph.on", "mask": null},
        "body": {"nodes": {"shape": {"type": "RectangleMask", "params": {
                   "width": 512, "height": 512, "left": 0, "top": 0, "right": 9, "bottom": 9}}},
                 "next": {"on": "loop.on", "mask": "shape"}}}},
    "outputs": {"mask": "loop.mask"}})");
  const Ended ended =
      Weft(folder, "run endless.json --quiet", "timeout --foreground --preserve-status -s INT 1");
  EXPECT_EQ(ended.code, 130);
  EXPECT_THAT(ended.err, AllOf(StartsWith("weft: "), HasSubstr("cancelled\n")));
}

// What a dry run cannot know is not a mistake.
TEST(Command, AMissingPictureInALoopIsOneProblem) {
  const ScratchFolder folder;
  folder.Put("loop.json", R"({"weft": 1, "nodes": {
      "shape": {"type": "RectangleMask", "params": {
        "width": 8, "height": 8, "left": 0, "top": 0, "right": 4, "bottom": 4}},
      "items": {"type": "MaskToImage", "inputs": {"mask": "shape"}},
      "loop": {"type": "Loop", "inputs": {"over": ["items", "items"]},
        "body": {"nodes": {"load": {"type": "LoadImage", "params": {"path": "gone.png"}}},
                 "collect": {"pictures": "load.image"}}},
      "strip": {"type": "ImageStrip", "inputs": {"images": "loop.pictures"}}},
    "outputs": {"image": "strip"}})");
  const Ended ended = Weft(folder, "check loop.json");
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, HasSubstr("node \"loop[0]/load\" (LoadImage): "));
  EXPECT_THAT(ended.err, HasSubstr("\"gone.png\" was not found"));
  EXPECT_THAT(ended.err, Not(HasSubstr("strip")));
}

// Pictures that carry their graph.

TEST(Command, ReplayDrawsTheSamePixels) {
  const ScratchFolder folder;
  folder.Put("strip.json", kStrip);
  ASSERT_EQ(Weft(folder, "run strip.json --quiet --set shape.right=9").code, 0);
  const Ended ended = Weft(folder, "replay out/strip.image.png --quiet");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("out/replay/strip.image.replay.image.png: the same pixels as "
                                   "out/strip.image.png\n"));
}

TEST(Command, ReplayOfAMissingPictureNamesIt) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "replay none.png");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, StartsWith("weft: \"none.png\": "));
}

void PutPng(const ScratchFolder& folder, const std::string& name, const std::string& text) {
  const std::vector<uint8_t> pixels(2 * 2 * 3, 7);
  EncodeOptions options;
  if (!text.empty()) options.text_key = "weft";
  options.text = text;
  folder.Put(name, *EncodeImage(*Tensor::Of<uint8_t>(Shape{1, 2, 2, 3}, pixels), ImageFormat::kPng,
                                options));
}

TEST(Command, ReplayOfAPictureWithoutAGraphSaysSo) {
  const ScratchFolder folder;
  PutPng(folder, "plain.png", "");
  const Ended ended = Weft(folder, "replay plain.png");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, StartsWith("weft: \"plain.png\": carries no graph"));
}

TEST(Command, ReplayOfAHostileDescriptionIsAnErrorAndNoMore) {
  const ScratchFolder folder;
  for (const char* text : {"nonsense", "{}", "[[[[", R"({"graph": 3})", R"({"graph": {"weft": 2}})",
                           R"({"graph": {"weft": 1, "nodes": {}, "outputs": {}}, "params": [1]})",
                           R"({"graph": {"weft": 1, "nodes": {"a": {"type": "B"}}}})"}) {
    PutPng(folder, "bad.png", text);
    const Ended ended = Weft(folder, "replay bad.png --quiet");
    EXPECT_THAT(ended.code, ::testing::AnyOf(2, 3)) << text;
    EXPECT_THAT(ended.err, StartsWith("weft: ")) << text;
  }
}

TEST(Command, ReplayOfWhatIsNoPictureNamesIt) {
  const ScratchFolder folder;
  folder.Put("text.png", "not a picture");
  const Ended ended = Weft(folder, "replay text.png");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, StartsWith("weft: \"text.png\": "));
}

// References.

TEST(Command, TestWithoutReferenceSaysHowToWriteIt) {
  const ScratchFolder folder;
  folder.Put("graphs/strip.json", kStrip);
  const Ended ended = Weft(folder, "test");
  EXPECT_EQ(ended.code, 4);
  EXPECT_EQ(ended.out,
            "FAILED  graphs/strip.json: image: there is no reference "
            "\"graphs/expected/strip.image.png\"; weft test --update writes it\n"
            "0 passed, 1 failed\n");
}

TEST(Command, TestPassesAgainstWhatUpdateHasWritten) {
  const ScratchFolder folder;
  folder.Put("graphs/strip.json", kStrip);
  folder.Put("graphs/echo.json", kEcho);
  EXPECT_EQ(Weft(folder, "test --update").code, 0);
  const Ended ended = Weft(folder, "test");
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_EQ(ended.out, "ok      graphs/echo.json\nok      graphs/strip.json\n2 passed, 0 failed\n");
}

TEST(Command, ATestThatDiffersLeavesAPictureOfTheDifference) {
  const ScratchFolder folder;
  folder.Put("graphs/strip.json", kStrip);
  ASSERT_EQ(Weft(folder, "test --update").code, 0);
  std::string changed = kStrip;
  changed.replace(changed.find("\"right\": 4"), 10, "\"right\": 5");
  folder.Put("graphs/strip.json", changed);
  const Ended ended = Weft(folder, "test --out differences");
  EXPECT_EQ(ended.code, 4);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("image: is off by up to 255 of 255, 2 is allowed"),
                               HasSubstr("differences/strip.image.diff.png\n"),
                               HasSubstr("0 passed, 1 failed\n")));
  EXPECT_TRUE(std::filesystem::exists(folder / "differences/strip.image.diff.png"));
}

TEST(Command, TestWhereThereAreNoGraphsIsWrongUsage) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "test");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, StartsWith("weft: there are no graphs"));
}

// Looking.

TEST(Command, NodesListsTheCatalogueAndComposites) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "nodes");
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("composite\n"), HasSubstr("  RectangleMask "),
                               HasSubstr("  Loop "), Not(HasSubstr("cannot be used"))));
}

TEST(Command, NodesDescribesOneType) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "nodes SaveImage");
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("an effect"), HasSubstr("quality"), HasSubstr("int = 95, 1..100")));
}

TEST(Command, NodesNamesTheNearestType) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "nodes SvaeImage");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err, "weft: unknown node type \"SvaeImage\"; did you mean \"SaveImage\"?\n");
}

TEST(Command, SchemaIsTheOneThatIsCheckedIn) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "schema");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.out, ScratchFolder::Contents(WEFT_SOURCE_DIR "/graphs/graph.schema.json"))
      << "write it anew: weft schema > graphs/graph.schema.json";
}

TEST(Command, PlanPredictsMemory) {
  const ScratchFolder folder;
  folder.Put("strip.json", kStrip);
  const Ended ended = Weft(folder, "plan strip.json --json");
  EXPECT_EQ(ended.code, 0) << ended.err;
  const nlohmann::json plan = nlohmann::json::parse(ended.out, nullptr, false);
  ASSERT_TRUE(plan.is_object()) << ended.out;
  EXPECT_EQ(plan["nodes"][1]["path"], "image");
  EXPECT_EQ(plan["outputs"]["image"].get<std::string>().find("tensor"), 0U);
  EXPECT_EQ(plan["memory"]["peak_bytes"].get<size_t>(),
            plan["memory"]["program_bytes"].get<size_t>() +
                plan["memory"]["working_bytes"].get<size_t>() +
                plan["memory"]["tensors_bytes"].get<size_t>());
}

TEST(Command, DrawWritesTheSamePictureTwice) {
  const ScratchFolder folder;
  folder.Put("strip.json", kStrip);
  EXPECT_EQ(Weft(folder, "draw strip.json --out a.svg").out, "a.svg\n");
  const Ended ended = Weft(folder, "draw strip.json");
  EXPECT_THAT(ended.out, StartsWith("<svg "));
  EXPECT_EQ(ended.out, ScratchFolder::Contents(folder / "a.svg"));
}

TEST(Command, InspectOfAnEmptyFolderIsAnError) {
  const ScratchFolder folder;
  folder.Put("model/readme.txt", "nothing");
  const Ended ended = Weft(folder, "inspect model");
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err, "weft: \"model\": holds no part of a model: no config, no weights\n");
}

TEST(Command, InspectOfAnotherFileIsAnError) {
  const ScratchFolder folder;
  folder.Put("model.bin", "nothing");
  const Ended ended = Weft(folder, "inspect model.bin");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, HasSubstr("model.bin"));
}

TEST(Command, InspectCountsTensorsAndFindsModelsAlongWeftModels) {
  const ScratchFolder folder;
  folder.Put("store/tiny/part/config.json",
             R"({"_class_name": "Net", "width": 8, "_version": "1"})");
  const std::string header = R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  folder.Put("store/tiny/part/net.safetensors", bytes + header + std::string(24, '\0'));
  const Ended ended = Weft(folder, "inspect models/tiny", "WEFT_MODELS=store");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("\npart\n  config.json: Net\n    width = 8\n"),
                               HasSubstr("net.safetensors: 1 tensors, 6 parameters, F32, 24 B"),
                               Not(HasSubstr("_version"))));
}

const std::string& Sketch() {
  static const auto& path = *new std::string(WEFT_SOURCE_DIR "/examples/models/sketch");
  return path;
}

TEST(Command, ConvertModelWritesFilesThatInspectKnows) {
  const ScratchFolder folder;
  const Ended single = Weft(folder, "convert-model '" + Sketch() + "' one.safetensors.zst --zstd");
  ASSERT_EQ(single.code, 0) << single.err;
  EXPECT_EQ(single.out, "one.safetensors.zst\n");
  const Ended ended = Weft(folder, "inspect --json one.safetensors.zst");
  ASSERT_EQ(ended.code, 0) << ended.err;
  const auto said = nlohmann::json::parse(ended.out);
  EXPECT_EQ(said["kind"], "model");
  EXPECT_THAT(said["layout"].get<std::string>(), HasSubstr("LDM"));
  EXPECT_EQ(said["parts"].size(), 3u);
  EXPECT_TRUE(said["unused"].empty()) << said["unused"];
  EXPECT_TRUE(said["parts"]["unet"]["unused"].empty());
  EXPECT_FALSE(said["parts"]["unet"].contains("wrong")) << said["parts"]["unet"];

  EXPECT_EQ(Weft(folder, "convert-model '" + Sketch() + "' half --dtype f16").code, 0);
  EXPECT_THAT(Weft(folder, "inspect half").out, HasSubstr("F16"));
}

TEST(Command, ConvertModelTakesAPartsOwnFolder) {
  const ScratchFolder folder;
  for (const std::string part : {"unet", "vae", "text_encoder"}) {
    const std::string file = part + ".safetensors";
    const Ended done = Weft(folder, "convert-model '" + Sketch() + "/" + part + "' " + file);
    ASSERT_EQ(done.code, 0) << done.err;
    const auto said = nlohmann::json::parse(Weft(folder, "inspect --json " + file).out);
    ASSERT_TRUE(said["parts"].contains(part)) << said;
    // Norms of a file count as SD's, in 32 groups, which the sketch model's have not.
    EXPECT_EQ(said["parts"][part].contains("wrong"), part == "vae") << said["parts"][part];
    EXPECT_TRUE(said["unused"].empty());
  }
}

TEST(Command, ConvertModelSaysWhatIsWrongAndLeavesNothing) {
  const ScratchFolder folder;
  const Ended missing = Weft(folder, "convert-model nowhere out");
  EXPECT_NE(missing.code, 0);
  EXPECT_THAT(missing.err, HasSubstr("\"nowhere\" was not found"));
  const Ended ending = Weft(folder, "convert-model '" + Sketch() + "' out.bin --layout single");
  EXPECT_NE(ending.code, 0);
  EXPECT_THAT(ending.err, HasSubstr("ends in .safetensors"));
  EXPECT_EQ(Weft(folder, "convert-model x y --dtype int8").code, 2);
  folder.Put("there/file", "");
  const Ended taken = Weft(folder, "convert-model '" + Sketch() + "' there");
  EXPECT_NE(taken.code, 0);
  EXPECT_THAT(taken.err, HasSubstr("is there already"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out.bin"));
}

TEST(Command, ModelsListsWhatGraphsMayName) {
  const ScratchFolder folder;
  folder.Put("store/broken.safetensors", "short");
  ASSERT_EQ(Weft(folder, "convert-model '" + Sketch() + "' store/mine.safetensors").code, 0);
  const Ended ended = Weft(folder, "models", "WEFT_MODELS=store");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("mine.safetensors"), HasSubstr("Stable Diffusion"),
                               HasSubstr("broken.safetensors"), HasSubstr("cannot be read")));
}

TEST(Command, InspectTellsOfLorasInEachDialect) {
  const ScratchFolder folder;
  const std::string goldens = WEFT_SOURCE_DIR "/tests/goldens/lora/";
  const auto said = [&](const char* file) {
    return Weft(folder, "inspect '" + goldens + file + "'").out;
  };
  EXPECT_THAT(said("diffusers.safetensors.zst"),
              HasSubstr("LoRA (diffusers, rank 2), modules: 110 of the UNet, 20 of the text "
                        "encoder: 260 tensors"));
  EXPECT_THAT(said("kohya_diff.safetensors.zst"), HasSubstr("difference (kohya), modules: 3"));
  EXPECT_THAT(said("kohya_lokr.safetensors.zst"), HasSubstr("LoKr (kohya"));
  EXPECT_THAT(said("peft_dora"), HasSubstr("DoRA (PEFT, rank 2), modules: 167 of the UNet"));

  const Ended json = Weft(folder, "inspect --json '" + goldens + "kohya_text.safetensors.zst'");
  ASSERT_EQ(json.code, 0) << json.err;
  const auto lora = nlohmann::json::parse(json.out);
  EXPECT_EQ(lora["kind"], "LoRA");
  EXPECT_EQ(lora["modules"]["second text encoder"], 15);
  EXPECT_TRUE(lora["unused"].empty());
}

TEST(Command, ALoraIsNoModelToLoad) {
  const ScratchFolder folder;
  const Ended ended = Weft(folder, "check txt2img --set model.path='" WEFT_SOURCE_DIR
                                   "/tests/goldens/lora/diffusers.safetensors.zst'");
  EXPECT_NE(ended.code, 0);
  EXPECT_THAT(ended.err, HasSubstr("LoadLora"));
}

TEST(Command, InspectTellsOfLearnedWordsAndPicklesOtherObjects) {
  const ScratchFolder folder;
  const std::string goldens = WEFT_SOURCE_DIR "/tests/goldens/weights/";
  const Ended word = Weft(folder, "inspect '" + goldens + "embedding.pt'");
  EXPECT_EQ(word.code, 0) << word.err;
  EXPECT_THAT(word.out, HasSubstr("textual inversion"));
  const Ended lightning = Weft(folder, "inspect '" + goldens + "lightning.pt'");
  EXPECT_EQ(lightning.code, 0) << lightning.err;
  EXPECT_THAT(lightning.out, HasSubstr("passed over; nothing was run: \"argparse.Namespace\""));
  const Ended gguf = Weft(folder, "inspect '" + goldens + "types.gguf'");
  EXPECT_THAT(gguf.out, AllOf(HasSubstr("format: GGUF"), HasSubstr("Q4_K")));
}

}  // namespace
}  // namespace weft
