#include "runtime/weights/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = PickleValue::Kind;

std::string ErrorOf(const std::string& bytes) {
  const auto pickle = ReadPickle(bytes);
  return pickle.ok() ? "no error" : std::string(pickle.status().message());
}

TEST(Pickle, ReadsNumbersTextsAndContainers) {
  // pickle.dumps({"a": (1, -2, 300), "b": [1.5, None, True], "c": 2**40}, protocol=4)
  const std::string bytes(
      "\x80\x04\x95\x33\0\0\0\0\0\0\0}\x94(\x8c\x01"
      "a\x94K\x01J\xfe\xff\xff\xffM,\x01\x87\x94\x8c\x01"
      "b\x94]\x94(G?\xf8\0\0\0\0\0\0N\x88"
      "e\x8c\x01"
      "c\x94\x8a\x06\0\0\0\0\0\x01u.",
      63);
  const auto read = ReadPickle(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  const Pickle& pickle = *read;
  EXPECT_EQ(pickle.bytes, bytes.size());
  const PickleValue& root = pickle[pickle.root];
  ASSERT_EQ(root.kind, Kind::kDict);
  ASSERT_EQ(root.items.size(), 6u);
  EXPECT_EQ(pickle[root.items[0]].text, "a");
  const PickleValue& tuple = pickle[root.items[1]];
  ASSERT_EQ(tuple.items.size(), 3u);
  EXPECT_EQ(pickle[tuple.items[1]].integer, -2);
  EXPECT_EQ(pickle[tuple.items[2]].integer, 300);
  const PickleValue& list = pickle[root.items[3]];
  EXPECT_EQ(pickle[list.items[0]].number, 1.5);
  EXPECT_EQ(pickle[list.items[1]].kind, Kind::kNone);
  EXPECT_EQ(pickle[root.items[5]].integer, int64_t{1} << 40);
}

TEST(Pickle, MakesANoteOfACallInsteadOfCalling) {
  const auto pickle = ReadPickle(
      "\x80\x02"
      "cos\nsystem\nU\x04trueq\x01\x85R.");
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  const PickleValue& call = (*pickle)[pickle->root];
  EXPECT_EQ(call.kind, Kind::kObject);
  EXPECT_EQ((*pickle)[call.callable].text, "os.system");
  EXPECT_THAT(pickle->names, ElementsAre("os.system"));
}

TEST(Pickle, NamesTheByteThatIsWrong) {
  EXPECT_THAT(ErrorOf("\x80\x02R."), HasSubstr("byte 2: takes a value from the stack"));
  EXPECT_THAT(ErrorOf("\x80\x02h\x07."), HasSubstr("recalls value 7, which it never stored"));
  EXPECT_THAT(ErrorOf("\x80\x02t."), HasSubstr("a mark that was never set"));
  EXPECT_THAT(ErrorOf("\x80\x02(K\x01u."), HasSubstr("sets a key without a value"));
  EXPECT_THAT(ErrorOf("\x80\x02K\x01K\x02s."), HasSubstr("takes a value from the stack"));
  EXPECT_THAT(ErrorOf("\x80\x02K\x01K\x02"
                      "a."),
              HasSubstr("adds items to something that holds none"));
  EXPECT_THAT(ErrorOf("\x80\x09."), HasSubstr("protocol 9"));
  EXPECT_THAT(ErrorOf("\x80\x02I01\n."), HasSubstr("the opcode 0x49"));
  EXPECT_THAT(ErrorOf("\x80\x02X\xff\xff\xff\xff"), HasSubstr("4294967295 bytes should follow"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("is truncated"));
}

TEST(Pickle, DoesNotTakeValuesFromBelowAMark) {
  EXPECT_THAT(ErrorOf("\x80\x02K\x01(\x85."), HasSubstr("takes a value from the stack"));
}

TEST(Pickle, KeepsAListThatHoldsItself) {
  const auto pickle = ReadPickle(
      "\x80\x02]q\x01h\x01"
      "a.");
  ASSERT_TRUE(pickle.ok()) << pickle.status();
  EXPECT_THAT((*pickle)[pickle->root].items, ElementsAre(pickle->root));
}

TEST(Pickle, RejectsANameLongerThanAnyClassHas) {
  EXPECT_THAT(ErrorOf("\x80\x02"
                      "c" +
                      std::string(1000, 'a') + "\nb\n."),
              HasSubstr("names a global of more than 512 bytes"));
}

}  // namespace
}  // namespace weft
