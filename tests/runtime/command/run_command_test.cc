// weft run, replay and test: what they write, and what they say.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "nodes/image/codec.h"
#include "tests/runtime/command/command_fixture.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

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

TEST(Command, AnOutputFolderThatCannotBeMadeEndsTheRunBeforeItBegins) {
  const ScratchFolder folder;
  folder.Put("strip.json", kStrip);
  folder.Put("save.json", R"({
    "weft": 1,
    "nodes": {
      "shape": {"type": "RectangleMask", "params": {"width": 16, "height": 8, "left": 0, "top": 0, "right": 4, "bottom": 8}},
      "image": {"type": "MaskToImage", "inputs": {"mask": "shape"}},
      "save": {"type": "SaveImage", "inputs": {"image": "image"}, "params": {"path": "strip.png"}}
    },
    "outputs": {}
  })");
  folder.Put("taken", "");
  const Ended picture = Weft(folder, "run strip.json --out taken/pictures");
  EXPECT_EQ(picture.code, 1);
  EXPECT_THAT(picture.err, AllOf(StartsWith("weft: output \"image\": \"taken/pictures\""),
                                 Not(HasSubstr("running"))));
  const Ended saved = Weft(folder, "run save.json --out taken/pictures");
  EXPECT_EQ(saved.code, 1);
  EXPECT_THAT(saved.err, AllOf(StartsWith("weft: node \"save\": \"taken/pictures\""),
                               Not(HasSubstr("running"))));
}

TEST(Command, ARunThatFailsLeavesNoFolderForPictures) {
  const ScratchFolder folder;
  folder.Put("wrong.json", R"({
    "weft": 1,
    "nodes": {"image": {"type": "LoadImage", "params": {"path": "missing.png"}}},
    "outputs": {"image": "image.image"}
  })");
  EXPECT_NE(Weft(folder, "run wrong.json --out new/pictures").code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder / "new"));
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

}  // namespace
}  // namespace weft
