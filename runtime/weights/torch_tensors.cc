#include "runtime/weights/torch_tensors.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/json.h"
#include "runtime/base/status_macros.h"

namespace weft {
namespace {

using Kind = PickleValue::Kind;

constexpr int kDeepest = 64;
constexpr size_t kLongestName = 512;
constexpr size_t kMostTensors = 200'000;
constexpr size_t kMostValues = 1 << 22;  // that are looked at: containers may share them
constexpr size_t kMostMetadata = 256;
constexpr size_t kMostListed = 12;  // names in a notice

// Modules and functions that run programs, write files or open connections. A file of weights that
// names one was made to do harm wherever it is unpickled for real.
constexpr std::array<absl::string_view, 33> kHostileModules = {
    "os",      "posix",   "nt",       "subprocess",      "sys",      "runpy",    "shutil",
    "socket",  "pty",     "ctypes",   "importlib",       "imp",      "code",     "codeop",
    "pickle",  "_pickle", "cPickle",  "marshal",         "commands", "popen2",   "webbrowser",
    "asyncio", "urllib",  "requests", "httplib",         "http",     "tempfile", "timeit",
    "bdb",     "pdb",     "pip",      "multiprocessing", "pydoc"};
constexpr std::array<absl::string_view, 8> kHostileBuiltins = {
    "eval", "exec", "execfile", "compile", "__import__", "open", "input", "breakpoint"};

bool IsHostile(absl::string_view global) {
  const absl::string_view module = global.substr(0, global.find('.'));
  if (module == "builtins" || module == "__builtin__") {
    const absl::string_view name = global.substr(std::min(global.size(), module.size() + 1));
    return std::find(kHostileBuiltins.begin(), kHostileBuiltins.end(), name) !=
           kHostileBuiltins.end();
  }
  return global == "torch.load" || global == "torch.hub.load" ||
         std::find(kHostileModules.begin(), kHostileModules.end(), module) != kHostileModules.end();
}

// What plain tensors and containers are made of; naming it tells a user nothing.
bool IsKnown(absl::string_view global) {
  return absl::StartsWith(global, "torch.") || absl::StartsWith(global, "collections.") ||
         absl::StartsWith(global, "builtins.") || absl::StartsWith(global, "__builtin__.") ||
         global == "_codecs.encode";
}

std::string Listed(const absl::btree_set<std::string>& names) {
  std::vector<std::string> shown;
  for (const std::string& name : names) {
    if (shown.size() == kMostListed) {
      shown.push_back(absl::StrCat("and ", names.size() - kMostListed, " more"));
      break;
    }
    shown.push_back(Quoted(name));
  }
  return absl::StrJoin(shown, ", ");
}

class Walk {
 public:
  explicit Walk(const Pickle& pickle) : pickle_(pickle) {}

  absl::StatusOr<TorchContents> Run() {
    PickleRef root = pickle_.root;
    absl::btree_set<std::string> others;
    const std::vector<PickleRef> items = Items(root);
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
      const PickleValue& key = pickle_[items[i]];
      if (key.text != "state_dict" || Items(items[i + 1]).empty()) continue;
      root = items[i + 1];
      break;
    }
    if (root != pickle_.root) {
      for (size_t i = 0; i + 1 < items.size(); i += 2) {
        if (items[i + 1] == root) continue;
        const std::string key = KeyText(items[i]);
        if (!NoteScalar(key, pickle_[items[i + 1]])) others.insert(key);
      }
    }
    WEFT_ASSIGN_OR_RETURN(const std::optional<TorchTensor> single, TorchTensorOf(pickle_, root));
    WEFT_RETURN_IF_ERROR(single.has_value() ? VisitChild(root, "value", 0) : Visit(root, "", 0));
    if (contents_.tensors.empty()) return Invalid("holds no tensors");
    if (!others.empty()) {
      contents_.notices.push_back(
          absl::StrCat("holds besides its state_dict, which alone is read: ", Listed(others)));
    }
    return std::move(contents_);
  }

 private:
  // Keys and values, in turn, of whatever has them. Nothing has any once too many were looked at.
  std::vector<PickleRef> Items(PickleRef ref) {
    if (values_ > kMostValues) return {};
    const PickleValue& value = pickle_[ref];
    values_ += value.items.size();
    if (value.kind == Kind::kDict || (value.kind == Kind::kObject && !value.items.empty())) {
      return value.items;
    }
    if (value.kind != Kind::kObject) return {};
    // OrderedDict([[key, value], …]), as Python 2 wrote it.
    const PickleValue& args = pickle_[value.args];
    std::vector<PickleRef> items;
    if (pickle_[value.callable].text == "collections.OrderedDict" && args.items.size() == 1) {
      values_ += pickle_[args.items[0]].items.size();
      for (const PickleRef pair : pickle_[args.items[0]].items) {
        if (pickle_[pair].items.size() != 2) return {};
        items.insert(items.end(), pickle_[pair].items.begin(), pickle_[pair].items.end());
      }
    }
    if (!items.empty()) return items;
    // A torch.nn.Module: its attributes are its state.
    const PickleValue& state = pickle_[value.state];
    if (state.kind != Kind::kDict) return {};
    values_ += state.items.size();
    absl::flat_hash_set<absl::string_view> left = {"_parameters", "_buffers", "_modules"};
    for (size_t i = 0; i + 1 < state.items.size(); i += 2) {
      if (left.erase(pickle_[state.items[i]].text) == 0) continue;
      if (state.items[i + 1] == ref) continue;
      const PickleValue& part = pickle_[state.items[i + 1]];
      values_ += part.items.size();
      items.insert(items.end(), part.items.begin(), part.items.end());
    }
    if (items.size() % 2 != 0) return {};
    return items;
  }

  std::string KeyText(PickleRef ref) const {
    const PickleValue& key = pickle_[ref];
    if (key.kind == Kind::kInt) return absl::StrCat(key.integer);
    if (key.kind == Kind::kText) return std::string(key.text.substr(0, kLongestName + 1));
    return "?";
  }

  // Keeps texts and numbers as metadata; whether it was one.
  bool NoteScalar(const std::string& name, const PickleValue& value) {
    const bool scalar = value.kind == Kind::kText || value.kind == Kind::kInt ||
                        value.kind == Kind::kFloat || value.kind == Kind::kBool;
    if (!scalar || contents_.metadata.size() >= kMostMetadata) return scalar;
    constexpr size_t kLongestText = 4096;
    contents_.metadata.emplace(name, value.kind == Kind::kText
                                         ? std::string(value.text.substr(0, kLongestText))
                                     : value.kind == Kind::kFloat ? absl::StrCat(value.number)
                                                                  : absl::StrCat(value.integer));
    return scalar;
  }

  absl::Status VisitChild(PickleRef child, const std::string& name, int depth) {
    if (name.size() > kLongestName) {
      return Invalid("the name of a tensor, ", Quoted(name), ", is longer than ", kLongestName,
                     " bytes");
    }
    absl::StatusOr<std::optional<TorchTensor>> tensor = TorchTensorOf(pickle_, child);
    if (!tensor.ok()) return Annotate(tensor.status(), absl::StrCat("tensor ", Quoted(name)));
    if (!tensor->has_value()) return Visit(child, name, depth);
    if (!names_.insert(name).second) {
      return Invalid("two tensors are named ", Quoted(name));
    }
    if (contents_.tensors.size() == kMostTensors) {
      return Invalid("holds more than ", kMostTensors, " tensors");
    }
    (*tensor)->name = name;
    contents_.tensors.push_back(**std::move(tensor));
    return absl::OkStatus();
  }

  absl::Status Visit(PickleRef ref, const std::string& name, int depth) {
    const PickleValue& value = pickle_[ref];
    if (value.kind == Kind::kDict || value.kind == Kind::kObject || value.kind == Kind::kList ||
        value.kind == Kind::kTuple) {
      // A container that is met again, be it in a circle, says nothing new.
      if (!visited_.insert(ref).second) return absl::OkStatus();
    }
    const auto below = [&name](const std::string& key) {
      return name.empty() ? key : absl::StrCat(name, ".", key);
    };
    const bool list = value.kind == Kind::kList || value.kind == Kind::kTuple;
    if (list) values_ += value.items.size();
    const std::vector<PickleRef> items = list ? value.items : Items(ref);
    if (values_ > kMostValues) return Invalid("holds more than ", kMostValues, " values");
    if (items.empty()) {
      NoteScalar(name, value);
      return absl::OkStatus();
    }
    if (depth == kDeepest) return Invalid("its values are nested deeper than ", kDeepest);
    if (list) {
      for (size_t i = 0; i < items.size(); ++i) {
        WEFT_RETURN_IF_ERROR(VisitChild(items[i], below(absl::StrCat(i)), depth + 1));
      }
      return absl::OkStatus();
    }
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
      WEFT_RETURN_IF_ERROR(VisitChild(items[i + 1], below(KeyText(items[i])), depth + 1));
    }
    return absl::OkStatus();
  }

  const Pickle& pickle_;
  TorchContents contents_;
  size_t values_ = 0;
  absl::flat_hash_set<PickleRef> visited_;
  absl::flat_hash_set<std::string> names_;
};

}  // namespace

absl::Status RefuseHostileGlobals(const Pickle& pickle) {
  for (const std::string& global : pickle.names) {
    if (!IsHostile(global)) continue;
    return absl::PermissionDeniedError(
        absl::StrCat("asks for ", Quoted(global),
                     ", which no weights need and which could run programs: the file is refused. "
                     "Nothing of it was run; do not open it with other programs"));
  }
  return absl::OkStatus();
}

absl::StatusOr<TorchContents> ReadTorchContents(const Pickle& pickle) {
  WEFT_RETURN_IF_ERROR(RefuseHostileGlobals(pickle));
  absl::btree_set<std::string> unknown;
  for (const std::string& global : pickle.names) {
    if (!IsKnown(global)) unknown.insert(global);
  }
  WEFT_ASSIGN_OR_RETURN(TorchContents contents, Walk(pickle).Run());
  if (!unknown.empty()) {
    contents.notices.push_back(absl::StrCat(
        "names classes that are not known, and whose values were passed over; nothing was run: ",
        Listed(unknown)));
  }
  return contents;
}

}  // namespace weft
