#include "runtime/command/parse_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

using ::testing::HasSubstr;

PortSpec Port(absl::string_view type) {
  PortSpec port;
  port.name = "x";
  port.type = Type::Parse(type);
  return port;
}

TEST(ParseValue, KeepsTextAsItIs) {
  const absl::StatusOr<Value> value = ParseValue(Port("text"), " 3\"");
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value->AsText(), " 3\"");
}

TEST(ParseValue, ReadsNumbersByThePortsType) {
  EXPECT_EQ(*ParseValue(Port("int"), "-3")->AsInt(), -3);
  EXPECT_EQ(*ParseValue(Port("float"), "3")->AsFloat(), 3.0);
  EXPECT_EQ(*ParseValue(Port("any"), "3")->AsInt(), 3);
  EXPECT_EQ(*ParseValue(Port("any"), "three")->AsText(), "three");
}

TEST(ParseValue, ReadsListsAsJson) {
  const absl::StatusOr<Value> list = ParseValue(Port("list<float>"), "[1, 2.5]");
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->AsList()->size(), 2U);
  EXPECT_EQ(*list->AsList()->front().AsFloat(), 1.0);
  EXPECT_THAT(ParseValue(Port("list<float>"), "1, 2").status().message(),
              HasSubstr("expects a list written as JSON"));
}

TEST(ParseValue, RefusesWhatIsNotFiniteOrDoesNotFit) {
  EXPECT_THAT(ParseValue(Port("float"), "nan").status().message(),
              HasSubstr("must be a finite number"));
  EXPECT_THAT(ParseValue(Port("int"), "9223372036854775808").status().message(),
              HasSubstr("expects a whole number"));
  EXPECT_THAT(ParseValue(Port("any"), "9223372036854775808").status().message(),
              HasSubstr("does not fit in 64 bits"));
}

TEST(ParseValue, RefusesWhatIsNoneOfTheChoices) {
  PortSpec port = Port("text");
  port.choices = {"loud", "quiet"};
  EXPECT_THAT(ParseValue(port, "quite").status().message(),
              HasSubstr("none of: loud, quiet; did you mean \"quiet\"?"));
}

}  // namespace
}  // namespace weft
