#include "runtime/weights/pickle.h"

#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/base/status_macros.h"
#include "runtime/weights/byte_reader.h"

namespace weft {
namespace {

using Kind = PickleValue::Kind;

// Pickles of checkpoints take some hundred kilobytes; the tensors' data lies outside of them.
constexpr size_t kLongestPickle = size_t{64} << 20;

// Opcodes as pickletools names them. Those of protocols 0 and 1 that write numbers as text are
// missing: nobody saves tensors with them.
enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kEmptyList = ']',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kList = 'l',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyDict = '}',
  kEmptyTuple = ')',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjEx = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,
};

class Machine {
 public:
  explicit Machine(absl::string_view bytes) : in_(bytes) {
    Push(PickleValue{});  // kPickleNone
    stack_.clear();
  }

  absl::StatusOr<Pickle> Run() {
    while (!stopped_) {
      const size_t at = in_.position();
      const absl::Status done = Step();
      if (!done.ok()) return Annotate(done, absl::StrCat("its pickle, byte ", at));
    }
    pickle_.bytes = in_.position();
    return std::move(pickle_);
  }

 private:
  PickleRef Push(PickleValue value) {
    const auto ref = static_cast<PickleRef>(pickle_.values.size());
    pickle_.values.push_back(std::move(value));
    stack_.push_back(ref);
    return ref;
  }
  absl::Status PushOf(Kind kind, std::vector<PickleRef> items = {}) {
    Push(PickleValue{.kind = kind, .items = std::move(items)});
    return absl::OkStatus();
  }
  absl::Status PushInt(int64_t integer, Kind kind = Kind::kInt) {
    Push(PickleValue{.kind = kind, .integer = integer});
    return absl::OkStatus();
  }
  absl::StatusOr<PickleRef> Pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
      return Invalid("takes a value from the stack, which is empty");
    }
    const PickleRef top = stack_.back();
    stack_.pop_back();
    return top;
  }
  // The value on top, which stays: what an APPEND or a BUILD goes to.
  absl::StatusOr<PickleRef> Top() {
    WEFT_ASSIGN_OR_RETURN(const PickleRef top, Pop());
    stack_.push_back(top);
    return top;
  }
  absl::StatusOr<std::vector<PickleRef>> PopToMark() {
    if (marks_.empty()) return Invalid("goes back to a mark that was never set");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleRef> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  absl::StatusOr<std::vector<PickleRef>> PopMany(size_t count) {
    std::vector<PickleRef> items(count);
    for (size_t i = count; i-- > 0;) {
      WEFT_ASSIGN_OR_RETURN(items[i], Pop());
    }
    return items;
  }

  template <typename Length>
  absl::Status PushText(Kind kind) {
    WEFT_ASSIGN_OR_RETURN(const Length length, in_.Number<Length>());
    WEFT_ASSIGN_OR_RETURN(const absl::string_view text, in_.Bytes(length));
    Push(PickleValue{.kind = kind, .text = text});
    return absl::OkStatus();
  }
  template <typename T>
  absl::Status PushNumber() {
    WEFT_ASSIGN_OR_RETURN(const T number, in_.Number<T>());
    return PushInt(number);
  }
  // Two's complement, little-endian, of any length.
  template <typename Length>
  absl::Status PushLong() {
    WEFT_ASSIGN_OR_RETURN(const Length length, in_.Number<Length>());
    WEFT_ASSIGN_OR_RETURN(const absl::string_view digits, in_.Bytes(length));
    if (digits.size() > sizeof(int64_t)) {
      Push(PickleValue{.kind = Kind::kBytes, .text = digits});
      return absl::OkStatus();
    }
    uint64_t bits = !digits.empty() && (digits.back() & '\x80') != 0 ? ~uint64_t{0} : 0;
    for (size_t i = digits.size(); i-- > 0;) {
      bits = bits << 8 | static_cast<unsigned char>(digits[i]);
    }
    return PushInt(static_cast<int64_t>(bits));
  }
  absl::Status PushFloat() {  // the one number that is big-endian
    WEFT_ASSIGN_OR_RETURN(const absl::string_view digits, in_.Bytes(sizeof(double)));
    uint64_t bits = 0;
    for (const char digit : digits) bits = bits << 8 | static_cast<unsigned char>(digit);
    PickleValue value{.kind = Kind::kFloat};
    std::memcpy(&value.number, &bits, sizeof(bits));
    Push(std::move(value));
    return absl::OkStatus();
  }
  absl::Status PushGlobal(absl::string_view module, absl::string_view name) {
    constexpr size_t kLongestGlobal = 512;
    if (module.size() + name.size() > kLongestGlobal) {
      return Invalid("names a global of more than ", kLongestGlobal, " bytes");
    }
    const auto [known, added] = globals_.try_emplace(absl::StrCat(module, ".", name), kPickleNone);
    if (!added) {
      stack_.push_back(known->second);
      return absl::OkStatus();
    }
    pickle_.names.push_back(known->first);
    known->second = Push(PickleValue{.kind = Kind::kGlobal, .text = pickle_.names.back()});
    return absl::OkStatus();
  }

  absl::Status Memoize(uint32_t index) {
    WEFT_ASSIGN_OR_RETURN(memo_[index], Top());
    return absl::OkStatus();
  }
  absl::Status Recall(uint32_t index) {
    const auto known = memo_.find(index);
    if (known == memo_.end()) return Invalid("recalls value ", index, ", which it never stored");
    stack_.push_back(known->second);
    return absl::OkStatus();
  }

  // APPEND and the like: `items` go to the container on top.
  absl::Status Extend(const std::vector<PickleRef>& items, bool by_key) {
    if (by_key && items.size() % 2 != 0) return Invalid("sets a key without a value");
    WEFT_ASSIGN_OR_RETURN(const PickleRef top, Top());
    PickleValue& to = pickle_.values[top];
    const bool keyed = to.kind == Kind::kDict || to.kind == Kind::kObject;
    const bool listed = to.kind == Kind::kList || to.kind == Kind::kSet;
    if (by_key ? !keyed : !listed && to.kind != Kind::kObject) {
      return Invalid("adds items to something that holds none");
    }
    // What a class of its own makes of the items appended to it, only its code knows.
    if (!by_key && to.kind == Kind::kObject) return absl::OkStatus();
    to.items.insert(to.items.end(), items.begin(), items.end());
    return absl::OkStatus();
  }
  absl::Status Call(size_t arguments) {  // REDUCE, NEWOBJ and NEWOBJ_EX, which has keywords too
    WEFT_ASSIGN_OR_RETURN(const std::vector<PickleRef> taken, PopMany(1 + arguments));
    Push(PickleValue{.kind = Kind::kObject, .callable = taken[0], .args = taken[1]});
    return absl::OkStatus();
  }

  absl::Status Step();
  absl::Status StepContainer(uint8_t opcode);

  ByteReader in_;
  Pickle pickle_;
  std::vector<PickleRef> stack_;
  std::vector<size_t> marks_;
  absl::flat_hash_map<uint32_t, PickleRef> memo_;
  absl::flat_hash_map<std::string, PickleRef> globals_;
  bool stopped_ = false;
};

absl::Status Machine::Step() {
  WEFT_ASSIGN_OR_RETURN(const uint8_t opcode, in_.Number<uint8_t>());
  switch (opcode) {
    case kProto: {
      WEFT_ASSIGN_OR_RETURN(const uint8_t protocol, in_.Number<uint8_t>());
      if (protocol >= 2 && protocol <= 5) return absl::OkStatus();
      return Invalid("is of protocol ", protocol, ", which is none of 2 to 5");
    }
    case kFrame: {  // frames only help buffering; that their bytes are there is checked as they
                    // come
      return in_.Number<uint64_t>().status();
    }
    case kStop: {
      WEFT_ASSIGN_OR_RETURN(pickle_.root, Pop());
      stopped_ = true;
      return absl::OkStatus();
    }
    case kNone:
      stack_.push_back(kPickleNone);
      return absl::OkStatus();
    case kNewTrue:
    case kNewFalse:
      return PushInt(opcode == kNewTrue ? 1 : 0, Kind::kBool);
    case kBinInt:
      return PushNumber<int32_t>();
    case kBinInt1:
      return PushNumber<uint8_t>();
    case kBinInt2:
      return PushNumber<uint16_t>();
    case kLong1:
      return PushLong<uint8_t>();
    case kLong4:
      return PushLong<uint32_t>();
    case kBinFloat:
      return PushFloat();
    case kShortBinString:
    case kShortBinUnicode:
      return PushText<uint8_t>(Kind::kText);
    case kBinString:
    case kBinUnicode:
      return PushText<uint32_t>(Kind::kText);
    case kBinUnicode8:
      return PushText<uint64_t>(Kind::kText);
    case kShortBinBytes:
      return PushText<uint8_t>(Kind::kBytes);
    case kBinBytes:
      return PushText<uint32_t>(Kind::kBytes);
    case kBinBytes8:
    case kByteArray8:
      return PushText<uint64_t>(Kind::kBytes);
    case kGlobal: {
      WEFT_ASSIGN_OR_RETURN(const absl::string_view module, in_.Line());
      WEFT_ASSIGN_OR_RETURN(const absl::string_view name, in_.Line());
      return PushGlobal(module, name);
    }
    case kStackGlobal: {
      WEFT_ASSIGN_OR_RETURN(const std::vector<PickleRef> names, PopMany(2));
      const PickleValue& module = pickle_[names[0]];
      const PickleValue& name = pickle_[names[1]];
      if (module.kind != Kind::kText || name.kind != Kind::kText) {
        return Invalid("names a global by something that is no text");
      }
      return PushGlobal(module.text, name.text);
    }
    case kBinGet:
    case kBinPut: {
      WEFT_ASSIGN_OR_RETURN(const uint8_t index, in_.Number<uint8_t>());
      return opcode == kBinGet ? Recall(index) : Memoize(index);
    }
    case kLongBinGet:
    case kLongBinPut: {
      WEFT_ASSIGN_OR_RETURN(const uint32_t index, in_.Number<uint32_t>());
      return opcode == kLongBinGet ? Recall(index) : Memoize(index);
    }
    case kMemoize:
      return Memoize(static_cast<uint32_t>(memo_.size()));
    default:
      return StepContainer(opcode);
  }
}

absl::Status Machine::StepContainer(uint8_t opcode) {
  switch (opcode) {
    case kMark:
      marks_.push_back(stack_.size());
      return absl::OkStatus();
    case kPop:
      // Above a mark there may be nothing left; then it is the mark that goes.
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
        return absl::OkStatus();
      }
      return Pop().status();
    case kPopMark:
      return PopToMark().status();
    case kDup: {
      WEFT_ASSIGN_OR_RETURN(const PickleRef top, Top());
      stack_.push_back(top);
      return absl::OkStatus();
    }
    case kEmptyTuple:
      return PushOf(Kind::kTuple);
    case kEmptyList:
      return PushOf(Kind::kList);
    case kEmptyDict:
      return PushOf(Kind::kDict);
    case kEmptySet:
      return PushOf(Kind::kSet);
    case kTuple1:
    case kTuple2:
    case kTuple3: {
      WEFT_ASSIGN_OR_RETURN(std::vector<PickleRef> items, PopMany(opcode - kTuple1 + 1u));
      return PushOf(Kind::kTuple, std::move(items));
    }
    case kTuple:
    case kList:
    case kFrozenSet:
    case kDict: {
      WEFT_ASSIGN_OR_RETURN(std::vector<PickleRef> items, PopToMark());
      if (opcode == kDict && items.size() % 2 != 0) return Invalid("sets a key without a value");
      return PushOf(opcode == kTuple       ? Kind::kTuple
                    : opcode == kList      ? Kind::kList
                    : opcode == kFrozenSet ? Kind::kSet
                                           : Kind::kDict,
                    std::move(items));
    }
    case kAppend:
    case kSetItem: {
      WEFT_ASSIGN_OR_RETURN(const std::vector<PickleRef> items, PopMany(opcode == kAppend ? 1 : 2));
      return Extend(items, opcode == kSetItem);
    }
    case kAppends:
    case kAddItems:
    case kSetItems: {
      WEFT_ASSIGN_OR_RETURN(const std::vector<PickleRef> items, PopToMark());
      return Extend(items, opcode == kSetItems);
    }
    case kReduce:
    case kNewObj:
      return Call(1);
    case kNewObjEx:
      return Call(2);
    case kBuild: {
      WEFT_ASSIGN_OR_RETURN(const PickleRef state, Pop());
      WEFT_ASSIGN_OR_RETURN(const PickleRef top, Top());
      if (top != kPickleNone) pickle_.values[top].state = state;
      return absl::OkStatus();
    }
    case kBinPersId: {
      WEFT_ASSIGN_OR_RETURN(const PickleRef id, Pop());
      Push(PickleValue{.kind = Kind::kPersistent, .args = id});
      return absl::OkStatus();
    }
    default:
      return Invalid(
          absl::StrFormat("holds the opcode 0x%02x, which no saved tensors need", opcode));
  }
}

}  // namespace

absl::StatusOr<Pickle> ReadPickle(absl::string_view bytes) {
  return Machine(bytes.substr(0, kLongestPickle)).Run();
}

}  // namespace weft
