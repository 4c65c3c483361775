#include "python/interrupt.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace weft::python {
namespace {

static_assert(std::atomic<std::atomic<bool>*>::is_always_lock_free);  // a signal handler reads it
std::atomic<std::atomic<bool>*> current_flag{nullptr};
struct sigaction python_action = {};

void OnInterrupt(int signal, siginfo_t* info, void* context) {
  if (std::atomic<bool>* flag = current_flag.load()) flag->store(true);
  if ((python_action.sa_flags & SA_SIGINFO) != 0) {
    python_action.sa_sigaction(signal, info, context);
  } else {
    python_action.sa_handler(signal);
  }
}

bool IsOurs(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == OnInterrupt;
}

}  // namespace

bool IsMainThread() { return syscall(SYS_gettid) == getpid(); }

InterruptGuard::InterruptGuard(std::atomic<bool>& flag) {
  if (!IsMainThread()) return;
  struct sigaction now = {};
  if (sigaction(SIGINT, nullptr, &now) != 0) return;
  if (!IsOurs(now)) {
    const bool plain = (now.sa_flags & SA_SIGINFO) == 0;
    // Nobody wants to hear of Ctrl-C, or it ends the process: so be it.
    if (plain && (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN)) return;
    python_action = now;
  }
  active_ = true;
  before_ = current_flag.exchange(&flag);
  if (IsOurs(now)) return;  // a run inside a run: Python called a node that is Python
  struct sigaction ours = {};
  ours.sa_sigaction = OnInterrupt;
  ours.sa_flags = SA_SIGINFO | (now.sa_flags & SA_ONSTACK);
  installed_ = sigaction(SIGINT, &ours, nullptr) == 0;
}

InterruptGuard::~InterruptGuard() {
  if (!active_) return;
  current_flag = before_;
  if (!installed_) return;
  struct sigaction now = {};
  // Where the program has put another handler in its place meanwhile, that one stays.
  if (sigaction(SIGINT, nullptr, &now) == 0 && IsOurs(now)) {
    sigaction(SIGINT, &python_action, nullptr);
  }
}

}  // namespace weft::python
