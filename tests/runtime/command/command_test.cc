// The program itself: what it prints, and how it ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/runtime/command/command_fixture.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

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

}  // namespace
}  // namespace weft
