#include "runtime/base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/runtime/base/scratch_folder.h"

namespace weft {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string ErrorOf(absl::string_view text, const JsonLimits& limits = {}) {
  const auto json = ParseJson(text, limits);
  return json.ok() ? "no error" : std::string(json.status().message());
}

TEST(Json, ReadsEveryKindOfValue) {
  const auto json = ParseJson(R"( {"a": [1, -2, 2.5, true, null, "é"], "b": {"c": {}}, "d": []} )");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->dump(), R"({"a":[1,-2,2.5,true,null,"é"],"b":{"c":{}},"d":[]})");
}

TEST(Json, AllowsOneKeyInSeveralObjects) {
  EXPECT_EQ(ErrorOf(R"({"a": {"a": 1}, "b": {"a": 2}})"), "no error");
}

TEST(Json, RejectsDuplicateKeysWithTheirPlace) {
  EXPECT_EQ(ErrorOf("{\"a\": 1,\n  \"b\": 2, \"a\": 3}"), "line 2, column 13: duplicate key \"a\"");
}

TEST(Json, SaysWhereSyntaxIsBad) {
  EXPECT_THAT(ErrorOf("{\n\"a\": 1,\n\"b\": ]}"),
              AllOf(StartsWith("line 3, column 6: syntax error"), HasSubstr("']'")));
  EXPECT_THAT(ErrorOf(""), HasSubstr("unexpected end of input"));
  EXPECT_THAT(ErrorOf("{} {}"), HasSubstr("expected end of input"));
  EXPECT_THAT(ErrorOf("[1,]"), HasSubstr("line 1, column 4: "));
}

TEST(Json, RejectsNumbersBeyondDouble) {
  EXPECT_THAT(ErrorOf("[1e999]"), HasSubstr("number overflow"));
}

TEST(Json, RejectsBadUtf8WithoutRepeatingIt) {
  const std::string error = ErrorOf("[\"a\xff\"]");
  EXPECT_THAT(error, HasSubstr("\\xff"));
  for (const char c : error) EXPECT_LT(static_cast<unsigned char>(c), 0x80) << error;
}

TEST(Json, LimitsDepth) {
  EXPECT_EQ(ErrorOf("[[[1]]]", {.depth = 3}), "no error");
  EXPECT_THAT(ErrorOf("[[[[1]]]]", {.depth = 3}), EndsWith("nested deeper than 3 levels"));
  EXPECT_THAT(ErrorOf(std::string(1 << 20, '[')), EndsWith("nested deeper than 64 levels"));
}

TEST(Json, LimitsLength) {
  EXPECT_EQ(ErrorOf("[1, 2, 3]", {.bytes = 4}), "holds 9 bytes of JSON, more than the 4 allowed");
}

TEST(Json, CutsLongTokensOutOfItsErrors) {
  EXPECT_LT(ErrorOf("[\"" + std::string(100000, 'x')).size(), 300u);
}

TEST(Json, NamesTheFile) {
  const ScratchFolder folder;
  const std::string path = folder.Put("config.json", "{\"a\": }");
  EXPECT_THAT(std::string(ReadJsonFile(path).status().message()),
              StartsWith("\"" + path + "\": line 1, column 7: "));
}

TEST(Quoted, KeepsLettersAndEscapesControls) {
  EXPECT_EQ(Quoted("é\n\"x\""), "\"é\\n\\\"x\\\"\"");
  EXPECT_THAT(Quoted(std::string(159, 'x') + "éé"), EndsWith("xx…\""));
}

}  // namespace
}  // namespace weft
