#include "lua/run_options.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lua/call.h"
#include "lua/userdata.h"
#include "lua/values.h"
#include "lua/wires.h"
#include "nodes/weft_runtime.h"
#include "runtime/base/nearest_name.h"
#include "runtime/base/status_macros.h"
#include "runtime/exec/fit_memory.h"

namespace weft {
namespace {

const std::vector<std::string>& OptionNames() {
  static const auto* const names = new std::vector<std::string>{
      "out",         "precision", "memory",     "set",      "allow_outside_paths",
      "on_progress", "on_step",   "on_preview", "on_notice"};
  return *names;
}

// A round of a loop while its callback runs. It goes away under the script's hands after that.
struct HeldRound {
  static constexpr char kLuaName[] = "weft.round";
  Round* round;
};
// round.carried: reads and writes go to the round.
struct HeldCarried {
  static constexpr char kLuaName[] = "weft.carried";
  HeldRound* of;
};

absl::StatusOr<Round*> RoundOf(const HeldRound* held) {
  if (held == nullptr) return Invalid("expected the step that a callback was given");
  if (held->round == nullptr) return Invalid("the step is over: use it inside of the callback");
  return held->round;
}

absl::StatusOr<Round*> RoundAt(lua_State* L) { return RoundOf(UserdataAt<HeldRound>(L, 1)); }

absl::StatusOr<int> Stop(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(Round * round, RoundAt(L));
  round->stop = true;
  return 0;
}

// step:set("guidance_scale", 3)
absl::StatusOr<int> SetInput(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(Round * round, RoundAt(L));
  WEFT_ASSIGN_OR_RETURN(const std::string name, CheckText(L, 2));
  WEFT_ASSIGN_OR_RETURN(round->inputs[name], ToValue(L, 3));
  return 0;
}

absl::StatusOr<int> IndexRound(lua_State* L) {
  auto* held = UserdataAt<HeldRound>(L, 1);
  WEFT_ASSIGN_OR_RETURN(const Round* round, RoundOf(held));
  WEFT_ASSIGN_OR_RETURN(const std::string name, CheckText(L, 2));
  if (name == "loop") {
    lua_pushstring(L, round->loop.c_str());
  } else if (name == "index") {
    lua_pushinteger(L, round->index);
  } else if (name == "total") {
    lua_pushinteger(L, round->total);
  } else if (name == "collected") {
    PushValue(L, Value(Record(round->collected)));
  } else if (name == "carried") {
    // The carried values keep the round's userdata alive.
    void* memory = lua_newuserdatauv(L, sizeof(HeldCarried), 1);
    new (memory) HeldCarried{held};
    luaL_setmetatable(L, HeldCarried::kLuaName);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
  } else if (name == "stop") {
    lua_pushcfunction(L, Call<Stop>);
  } else if (name == "set") {
    lua_pushcfunction(L, Call<SetInput>);
  } else {
    return Invalid(
        "a step has no \"", name, "\"",
        DidYouMean(name, {"loop", "index", "total", "carried", "collected", "set", "stop"}));
  }
  return 1;
}

std::vector<std::string> CarriedNames(const Round& round) {
  std::vector<std::string> names;
  for (const auto& [name, value] : round.carried) names.push_back(name);
  return names;
}

absl::StatusOr<Value*> CarriedAt(lua_State* L) {
  const auto* carried = UserdataAt<HeldCarried>(L, 1);
  WEFT_ASSIGN_OR_RETURN(Round * round, RoundOf(carried != nullptr ? carried->of : nullptr));
  WEFT_ASSIGN_OR_RETURN(const std::string name, CheckText(L, 2));
  const auto it = round->carried.find(name);
  if (it != round->carried.end()) return &it->second;
  return Invalid("the loop \"", round->loop, "\" carries no \"", name, "\"",
                 DidYouMean(name, CarriedNames(*round)));
}

absl::StatusOr<int> IndexCarried(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Value* value, CarriedAt(L));
  PushValue(L, *value);
  return 1;
}

absl::StatusOr<int> SetCarried(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(Value * value, CarriedAt(L));
  WEFT_ASSIGN_OR_RETURN(*value, ToValue(L, 3));
  return 0;
}

absl::StatusOr<int> RoundToText(lua_State* L) {
  WEFT_ASSIGN_OR_RETURN(const Round* round, RoundAt(L));
  lua_pushstring(L, absl::StrCat("step ", round->index, " of ", round->loop).c_str());
  return 1;
}

}  // namespace

ScriptedRun::ScriptedRun(lua_State* L, int index, RunOptions options)
    : lua_(L), index_(index), options_(std::move(options)) {}

absl::Status ScriptedRun::ReadOne(const std::string& name) {
  lua_State* L = lua_;
  if (name == "out") {
    WEFT_ASSIGN_OR_RETURN(options_.output_folder, CheckText(L, -1));
  } else if (name == "precision") {
    WEFT_ASSIGN_OR_RETURN(const std::string precision, CheckText(L, -1));
    WEFT_ASSIGN_OR_RETURN(options_.compute, ParsePrecision(precision));
  } else if (name == "memory") {
    WEFT_ASSIGN_OR_RETURN(const std::string memory, CheckText(L, -1));
    WEFT_ASSIGN_OR_RETURN(options_.memory, ParseMemory(memory));
  } else if (name == "allow_outside_paths") {
    options_.allow_outside_paths = lua_toboolean(L, -1) != 0;
  } else if (name == "set") {
    if (!lua_istable(L, -1)) return Invalid("expected a table such as {[\"node.input\"] = value}");
    return ForEachNamed(L, -1, [&](const std::string& input) -> absl::Status {
      absl::StatusOr<Value> value = ToValue(L, -1);
      if (!value.ok()) return Annotate(value.status(), input);
      options_.overrides.inputs[input] = *std::move(value);
      return absl::OkStatus();
    });
  } else if (std::find(OptionNames().begin(), OptionNames().end(), name) == OptionNames().end()) {
    return Invalid("there is no option \"", name, "\"", DidYouMean(name, OptionNames()));
  } else if (!lua_isfunction(L, -1)) {
    return Invalid("expected a function, not ", KindAt(L, -1));
  }
  return absl::OkStatus();
}

absl::Status ScriptedRun::Read() {
  if (lua_isnoneornil(lua_, index_)) {
    index_ = 0;
    return absl::OkStatus();
  }
  if (!lua_istable(lua_, index_)) {
    return Invalid("the options of a run are a table, not ", KindAt(lua_, index_));
  }
  return ForEachNamed(lua_, index_, [&](const std::string& name) -> absl::Status {
    const absl::Status status = ReadOne(name);
    return status.ok() || absl::StartsWith(status.message(), "there is no option")
               ? status
               : Annotate(status, absl::StrCat("option \"", name, "\""));
  });
}

bool ScriptedRun::Has(const char* function) const {
  if (index_ == 0) return false;
  lua_pushstring(lua_, function);
  lua_rawget(lua_, index_);
  const bool has = lua_isfunction(lua_, -1);
  lua_pop(lua_, 1);
  return has;
}

absl::StatusOr<RunResult> ScriptedRun::Run(const Pipeline& pipeline) {
  outer_cancelled_ = options_.cancelled;
  options_.cancelled = &cancelled_;
  const bool notices = Has("on_notice");
  const bool events = notices || Has("on_progress") || Has("on_preview");
  options_.events = [this, events, notices](const Event& event) {
    if (outer_cancelled_ != nullptr && *outer_cancelled_) cancelled_ = true;
    if (!notices && event.kind == Event::Kind::kNotice) {
      std::fprintf(stderr, "weft: %s\n", event.message.c_str());
    } else if (events) {
      OnEvent(event);
    }
  };
  if (Has("on_step")) {
    options_.on_round = [this](Round& round) { return OnRound(round); };
  }
  absl::StatusOr<RunResult> result = pipeline.Run(options_);
  Deliver();
  if (!failed_.ok()) return failed_;
  return result;
}

void ScriptedRun::OnEvent(const Event& event) {
  const bool wanted = event.kind == Event::Kind::kProgress || event.kind == Event::Kind::kPreview ||
                      event.kind == Event::Kind::kNotice;
  if (!wanted) return;
  {
    absl::MutexLock lock(&mutex_);
    waiting_.push_back(event);
  }
  if (std::this_thread::get_id() == thread_) Deliver();
}

void ScriptedRun::Deliver() {
  while (failed_.ok()) {
    Event event;
    {
      absl::MutexLock lock(&mutex_);
      if (waiting_.empty()) return;
      event = std::move(waiting_.front());
      waiting_.pop_front();
    }
    DeliverOne(event);
  }
}

void ScriptedRun::DeliverOne(const Event& event) {
  const char* function = event.kind == Event::Kind::kProgress  ? "on_progress"
                         : event.kind == Event::Kind::kPreview ? "on_preview"
                                                               : "on_notice";
  if (!Has(function)) return;
  lua_State* L = lua_;
  luaL_checkstack(L, 8, "a callback");
  lua_pushstring(L, function);
  lua_rawget(L, index_);
  switch (event.kind) {
    case Event::Kind::kProgress:
      lua_pushstring(L, event.node.c_str());
      lua_pushinteger(L, event.done);
      lua_pushinteger(L, event.total);
      return CallBack(3);
    case Event::Kind::kPreview:
      PushTensor(L, event.image);
      lua_pushinteger(L, event.done);
      lua_pushstring(L, event.node.c_str());
      return CallBack(3);
    default:
      lua_pushstring(L, event.message.c_str());
      lua_pushstring(L, event.node.c_str());
      return CallBack(2);
  }
}

void ScriptedRun::CallBack(int arguments) {
  if (lua_pcall(lua_, arguments, 0, 0) == LUA_OK) return;
  // Whatever was raised goes on from the function that began the run.
  size_t size = 0;
  const char* text = luaL_tolstring(lua_, -1, &size);
  failed_ = ToStatus({SplitPlace(std::string(text, size))}, absl::StatusCode::kAborted);
  lua_pop(lua_, 2);
  cancelled_ = true;
}

absl::Status ScriptedRun::OnRound(Round& round) {
  Deliver();
  WEFT_RETURN_IF_ERROR(failed_);
  lua_State* L = lua_;
  luaL_checkstack(L, 8, "a callback");
  lua_pushstring(L, "on_step");
  lua_rawget(L, index_);
  HeldRound* held = PushUserdata<HeldRound>(L, &round);
  lua_pushvalue(L, -1);
  lua_insert(L, -3);  // keeps it alive until it is known to be over
  CallBack(1);
  held->round = nullptr;
  lua_pop(L, 1);
  return failed_;
}

void OpenRounds(lua_State* L) {
  constexpr luaL_Reg kRound[] = {
      {"__index", Call<IndexRound>}, {"__tostring", Call<RoundToText>}, {nullptr, nullptr}};
  constexpr luaL_Reg kCarried[] = {
      {"__index", Call<IndexCarried>}, {"__newindex", Call<SetCarried>}, {nullptr, nullptr}};
  MakeMetatable<HeldRound>(L, kRound);
  MakeMetatable<HeldCarried>(L, kCarried);
  lua_pop(L, 2);
}

}  // namespace weft
