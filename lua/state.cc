#include "lua/state.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lua/sandbox.h"
#include "runtime/base/status_macros.h"
#include "runtime/graph/problem.h"

namespace weft {
namespace {

constexpr int kHookInterval = 1000;
constexpr int kTrustedHookInterval = 10'000;

// "50,000,000"
std::string Grouped(int64_t number) {
  std::string digits = absl::StrCat(number);
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<size_t>(i), ",");
  }
  return digits;
}

// An error outside of any protected call: nothing of ours makes one, but Lua would abort.
int Panic(lua_State*) { throw std::runtime_error("a Lua error outside of a protected call"); }

std::string SourceName(const lua_Debug& at) {
  return at.source[0] == '@' || at.source[0] == '=' ? std::string(at.source + 1)
                                                    : std::string(at.short_src);
}

struct Body {
  absl::FunctionRef<void(lua_State*)> call;
};

int CallBody(lua_State* L) {
  auto* body = static_cast<Body*>(lua_touserdata(L, 1));
  lua_settop(L, 0);
  std::string failed;
  try {
    body->call(L);
    return 0;
  } catch (const std::exception& error) {
    failed = error.what();
  }
  return luaL_error(L, "%s", failed.c_str());
}

// Leaves text alone; what else was raised is told in words, by its __tostring where it has one.
int Describe(lua_State* L) {
  luaL_tolstring(L, 1, nullptr);
  return 1;
}

}  // namespace

Problem SplitPlace(const std::string& text) {
  for (size_t colon = text.find(':'); colon != std::string::npos;
       colon = text.find(':', colon + 1)) {
    size_t end = colon + 1;
    while (end < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[end]))) ++end;
    int line = 0;
    if (end == colon + 1 || text.substr(end, 2) != ": " ||
        !absl::SimpleAtoi(text.substr(colon + 1, end - colon - 1), &line)) {
      continue;
    }
    return {.file = text.substr(0, colon), .line = line, .message = text.substr(end + 2)};
  }
  return {.message = text};
}

LuaPlace PlaceOf(lua_State* L) {
  lua_Debug at;
  for (int level = 0; level < 16 && lua_getstack(L, level, &at) != 0; ++level) {
    lua_getinfo(L, "Sl", &at);
    if (at.currentline > 0) return {SourceName(at), at.currentline};
  }
  return {};
}

LuaState::LuaState(bool sandboxed, const ScriptLimits& limits)
    : sandboxed_(sandboxed), limits_(limits) {}

LuaState::~LuaState() {
  if (lua_ != nullptr) lua_close(lua_);
}

absl::StatusOr<std::unique_ptr<LuaState>> LuaState::Sandboxed(const ScriptLimits& limits) {
  std::unique_ptr<LuaState> state(new LuaState(true, limits));
  state->lua_ = lua_newstate(Allocate, state.get());
  if (state->lua_ == nullptr) return absl::ResourceExhaustedError("no memory for a script");
  *static_cast<LuaState**>(lua_getextraspace(state->lua_)) = state.get();
  lua_atpanic(state->lua_, Panic);
  WEFT_RETURN_IF_ERROR(state->Protected(OpenSandbox));
  state->used_ = 0;
  lua_sethook(state->lua_, Hook, LUA_MASKCOUNT, kHookInterval);
  return state;
}

absl::StatusOr<std::unique_ptr<LuaState>> LuaState::Trusted(const std::atomic<bool>* cancelled) {
  ScriptLimits limits;
  limits.cancelled = cancelled;
  std::unique_ptr<LuaState> state(new LuaState(false, limits));
  state->lua_ = lua_newstate(Allocate, state.get());
  if (state->lua_ == nullptr) return absl::ResourceExhaustedError("no memory for a script");
  *static_cast<LuaState**>(lua_getextraspace(state->lua_)) = state.get();
  lua_atpanic(state->lua_, Panic);
  WEFT_RETURN_IF_ERROR(state->Protected([](lua_State* L) { luaL_openlibs(L); }));
  lua_sethook(state->lua_, Hook, LUA_MASKCOUNT, kTrustedHookInterval);
  return state;
}

void* LuaState::Allocate(void* self, void* block, size_t old_size, size_t new_size) {
  auto* state = static_cast<LuaState*>(self);
  // For new blocks Lua gives the kind of object in place of the old size.
  const size_t held = block != nullptr ? old_size : 0;
  if (new_size == 0) {
    std::free(block);
    state->memory_ -= held;
    return nullptr;
  }
  if (state->sandboxed_ && new_size > held) {
    const bool too_long =
        block == nullptr && old_size == LUA_TSTRING && new_size > state->limits_.string + 64;
    if (too_long || state->memory_ - held + new_size > state->limits_.memory) {
      state->string_too_long_ = too_long;
      if (state->lua_ != nullptr) {
        const LuaPlace at = PlaceOf(state->lua_);
        state->refused_at_ = at.line > 0 ? absl::StrCat(at.file, ":", at.line, ": ") : "";
      }
      return nullptr;
    }
  }
  void* moved = std::realloc(block, new_size);
  if (moved != nullptr) state->memory_ += new_size - held;
  return moved;
}

absl::Status LuaState::StringTooLong() const {
  return absl::ResourceExhaustedError(absl::StrCat("the script made a string longer than ",
                                                   Grouped(static_cast<int64_t>(limits_.string)),
                                                   " bytes"));
}

std::string LuaState::MemoryMessage() const {
  if (!sandboxed_) return "out of memory";
  return absl::StrCat(refused_at_, string_too_long_
                                       ? std::string(StringTooLong().message())
                                       : absl::StrCat("the script used more than ",
                                                      Grouped(static_cast<int64_t>(limits_.memory)),
                                                      " bytes of memory"));
}

void LuaState::Hook(lua_State* L, lua_Debug*) {
  LuaState& state = Of(L);
  state.used_ += state.sandboxed_ ? kHookInterval : kTrustedHookInterval;
  state.Check(L);
}

void LuaState::Charge(lua_State* L, int64_t steps) {
  if (!sandboxed_) return;
  used_ += steps;
  Check(L);
}

int64_t LuaState::steps_left() const { return std::max<int64_t>(limits_.instructions - used_, 0); }

void LuaState::Check(lua_State* L) {
  if (exhausted_.empty()) {
    if (sandboxed_ && used_ > limits_.instructions) {
      exhausted_ = absl::StrCat("the script used more than ", Grouped(limits_.instructions),
                                " instructions");
    } else if (limits_.cancelled != nullptr && *limits_.cancelled) {
      exhausted_ = "the run was cancelled";
      was_cancelled_ = true;
    } else if (sandboxed_ &&
               std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count() >
                   limits_.seconds) {
      exhausted_ = absl::StrCat("the script ran longer than ", limits_.seconds, " seconds");
    } else {
      return;
    }
  }
  if (!sandboxed_) {
    // One's own script may clean up after an interrupt.
    const std::string why = std::exchange(exhausted_, "");
    luaL_where(L, 0);
    lua_pushstring(L, why.c_str());
    lua_concat(L, 2);
    lua_error(L);
  }
  RaiseExhausted(L);
}

void LuaState::RaiseExhausted(lua_State* L) {
  // Whatever catches this gets no further than its next instruction.
  lua_sethook(L, Hook, LUA_MASKCOUNT, 1);
  const LuaPlace at = PlaceOf(L);
  std::string text = exhausted_;
  if (at.line > 0) text = absl::StrCat(at.file, ":", at.line, ": ", text);
  lua_pushlstring(L, text.data(), text.size());
  lua_error(L);
  std::abort();  // lua_error does not come back
}

void LuaState::AddTensorBytes(lua_State* L, size_t bytes) {
  tensor_bytes_ += bytes;
  const bool too_much = sandboxed_ && tensor_bytes_ > limits_.tensors;
  if (tensor_bytes_ < collect_at_ && !too_much) return;
  Charge(L, 10'000);
  lua_gc(L, LUA_GCCOLLECT);
  collect_at_ = std::max(size_t{64} << 20, tensor_bytes_ * 2);
  if (!sandboxed_ || tensor_bytes_ <= limits_.tensors) return;
  tensor_bytes_ -= bytes;
  Raise(L, absl::ResourceExhaustedError(absl::StrCat("the script holds more than ",
                                                     Grouped(static_cast<int64_t>(limits_.tensors)),
                                                     " bytes of tensors")));
}

void LuaState::Raise(lua_State* L, const absl::Status& status) {
  {
    std::vector<Problem> problems = ProblemsOf(status);
    const LuaPlace at = PlaceOf(L);
    for (Problem& problem : problems) {
      if (!problem.file.empty() || at.line == 0) continue;
      problem.file = at.file;
      problem.line = at.line;
    }
    last_raised_ = weft::ToStatus(problems, status.code());
  }
  lua_pushlstring(L, last_raised_.message().data(), last_raised_.message().size());
  lua_error(L);
  std::abort();  // lua_error does not come back
}

absl::Status LuaState::Protected(absl::FunctionRef<void(lua_State*)> body) {
  if (lua_checkstack(lua_, 16) == 0) return absl::ResourceExhaustedError("out of Lua's stack");
  if (!sandboxed_) was_cancelled_ = false;  // a session goes on after an interrupt
  Body call{body};
  lua_pushcfunction(lua_, CallBody);
  lua_pushlightuserdata(lua_, &call);
  const int code = lua_pcall(lua_, 1, 0, 0);
  return code == LUA_OK ? absl::OkStatus() : ToStatus(lua_, code);
}

absl::Status LuaState::ToStatus(lua_State* L, int code) {
  if (code == LUA_ERRMEM) {
    lua_pop(L, 1);
    return weft::ToStatus({{.message = MemoryMessage()}}, absl::StatusCode::kResourceExhausted);
  }
  if (lua_type(L, -1) != LUA_TSTRING) {
    lua_pushcfunction(L, Describe);
    lua_insert(L, -2);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK && lua_type(L, -1) != LUA_TSTRING) {
      lua_pop(L, 1);
      return weft::ToStatus({{.message = "the error that was raised cannot be told in words"}});
    }
  }
  size_t size = 0;
  const char* text = lua_tolstring(L, -1, &size);
  const std::string message = text != nullptr ? std::string(text, size) : "an error without text";
  lua_pop(L, 1);
  if (!last_raised_.ok() && message == last_raised_.message()) return last_raised_;
  if (was_cancelled_) return absl::CancelledError("the run was cancelled");
  return weft::ToStatus({SplitPlace(message)}, exhausted() ? absl::StatusCode::kResourceExhausted
                                                           : absl::StatusCode::kInvalidArgument);
}

void LuaState::Load(lua_State* L, absl::string_view text, const std::string& name) {
  // "t": text alone. Bytecode could crash the interpreter.
  if (luaL_loadbufferx(L, text.data(), text.size(), name.c_str(), "t") != LUA_OK) lua_error(L);
}

}  // namespace weft
