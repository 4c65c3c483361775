#include "runtime/command/lua_session.h"

#include <editline/readline.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "lua/completion.h"
#include "runtime/command/command.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr int kHistoryLines = 1000;

// The completion functions of the line editor take no argument of ours.
LuaProgram* completing = nullptr;
Completions* offered = nullptr;
std::atomic<bool>* interrupt_flag = nullptr;

void Interrupt(int) { *interrupt_flag = true; }

// Where the history is kept, or "" where there is no place for it.
std::string HistoryPath() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  fs::path folder;
  if (state != nullptr && state[0] == '/') {
    folder = state;
  } else if (home != nullptr && home[0] == '/') {
    folder = fs::path(home) / ".local" / "state";
  } else {
    return "";
  }
  folder /= "weft";
  std::error_code error;
  fs::create_directories(folder, error);
  return error ? "" : (folder / "lua_history").string();
}

char* NextWord(const char*, int index) {
  const auto i = static_cast<size_t>(index);
  return offered != nullptr && i < offered->words.size() ? strdup(offered->words[i].c_str())
                                                         : nullptr;
}

// The matches as the line editor wants them: first what they have in common, then all of them.
char** Attempt(const char*, int start, int end) {
  rl_attempted_completion_over = 1;  // no names of files
  static Completions found;
  found = Complete(*completing, absl::string_view(rl_line_buffer, static_cast<size_t>(end)));
  offered = &found;
  if (found.words.empty() || found.begin != static_cast<size_t>(start)) return nullptr;
  // The inputs of a node bring their " = " along.
  rl_completion_append_character = '\0';
  static int next = 0;
  next = 0;
  return rl_completion_matches(
      "", +[](const char* text, int state) {
        if (state == 0) next = 0;
        return NextWord(text, next++);
      });
}

// One line, without its end; nothing at the end of the input.
class Lines {
 public:
  explicit Lines(bool terminal) : terminal_(terminal) {}

  std::optional<std::string> Next(const char* prompt) const {
    if (!terminal_) {
      std::string line;
      if (!std::getline(std::cin, line)) return std::nullopt;
      return line;
    }
    char* typed = readline(prompt);
    if (typed == nullptr) return std::nullopt;
    std::string line = typed;
    std::free(typed);
    return line;
  }

 private:
  bool terminal_;
};

void Begin(LuaProgram& program, const std::string& history) {
  completing = &program;
  rl_readline_name = "weft";
  rl_initialize();
  rl_basic_word_break_characters = " \t\n\"'`@$><=;|&{(,.:+-*/^%#~[])}";
  rl_completer_word_break_characters = const_cast<char*>(rl_basic_word_break_characters);
  rl_attempted_completion_function = Attempt;
  stifle_history(kHistoryLines);
  if (!history.empty()) read_history(history.c_str());
  std::printf("weft's Lua 5.4; the table weft has all nodes. End with Ctrl-D.\n");
}

}  // namespace

int RunLuaSession(LuaProgram& program, std::atomic<bool>& interrupted) {
  const bool terminal = isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
  const std::string history = terminal ? HistoryPath() : "";
  if (terminal) Begin(program, history);
  interrupt_flag = &interrupted;
  const Lines lines(terminal);
  int code = kOk;
  std::string text;
  while (true) {
    const std::optional<std::string> line = lines.Next(text.empty() ? "> " : ">> ");
    if (!line.has_value()) break;
    if (terminal && !line->empty()) add_history(line->c_str());
    absl::StrAppend(&text, text.empty() ? "" : "\n", *line);
    interrupted = false;
    const auto before = std::signal(SIGINT, Interrupt);
    std::string error;
    const LuaProgram::Line how = program.RunTyped(text, error);
    std::signal(SIGINT, before);
    if (how == LuaProgram::Line::kUnfinished) continue;
    text.clear();
    std::fflush(stdout);
    if (how == LuaProgram::Line::kDone) continue;
    PrintError(error);
    if (!terminal) code = kRunFailed;  // whoever wrote the lines is not looking
  }
  if (!text.empty()) {
    PrintError("the input ended in the middle of a statement");
    code = kRunFailed;
  }
  if (terminal) std::printf("\n");
  if (!history.empty()) write_history(history.c_str());
  return code;
}

}  // namespace weft
