#include "python/run_state.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "python/round.h"
#include "python/values.h"

namespace weft::python {
namespace {

thread_local RunState* current = nullptr;

}  // namespace

RunState::Entered::Entered(RunState& state) : before_(current), guard_(state.cancelled_) {
  state.cancelled_ = false;
  state.raised_ = SharedPyObject();
  state.cause_ = SharedPyObject();
  current = &state;
}

RunState::Entered::~Entered() { current = before_; }

RunState* RunState::Current() { return current; }

void RunState::AddTo(RunOptions& options) {
  options.cancelled = &cancelled_;
  options.events = [self = shared_from_this()](const Event& event) { self->On(event); };
  if (callbacks_.on_step) {
    options.on_round = [self = shared_from_this()](Round& round) { return self->OnRound(round); };
  }
}

absl::Status RunState::NodeRaised(py::error_already_set& error) {
  if (!error.matches(PyExc_Exception)) return CallbackRaised(error);  // Ctrl-C, sys.exit
  const py::object value = error.value();
  if (error.trace()) PyException_SetTraceback(value.ptr(), error.trace().ptr());
  if (!cause_) cause_ = SharedPyObject(value);
  const std::string text = py::str(value).cast<std::string>();
  return absl::UnknownError(
      absl::StrCat(py::str(error.type().attr("__name__")).cast<std::string>(), ": ", text));
}

absl::Status RunState::CallbackRaised(py::error_already_set& error) {
  const py::object value = error.value();
  if (error.trace()) PyException_SetTraceback(value.ptr(), error.trace().ptr());
  if (!raised_) raised_ = SharedPyObject(value);
  cancelled_ = true;
  return absl::CancelledError("stopped by an exception");
}

void RunState::CheckSignals() {
  // A signal that Python made up itself (_thread.interrupt_main) reaches no handler of ours.
  if (PyErr_CheckSignals() == 0) return;
  py::error_already_set error;
  CallbackRaised(error).IgnoreError();
}

void RunState::On(const Event& event) {
  if (event.kind == Event::Kind::kNotice) {
    absl::MutexLock lock(&mutex_);
    const std::string text = absl::StrCat(event.node, ": ", event.message);
    if (std::find(notices_.begin(), notices_.end(), text) == notices_.end()) {
      notices_.push_back(text);
    }
    return;
  }
  if (event.kind == Event::Kind::kFile) {
    absl::MutexLock lock(&mutex_);
    files_.push_back(event.message);
    return;
  }
  if (event.kind == Event::Kind::kPreview) {
    absl::MutexLock lock(&mutex_);
    preview_ = Value(event.image);
  }
  const bool progress = event.kind == Event::Kind::kProgress;
  const bool preview = event.kind == Event::Kind::kPreview;
  if ((!progress && !preview) || cancelled_) return;
  const SharedPyObject& callback = progress ? callbacks_.on_progress : callbacks_.on_preview;
  const bool main = progress && IsMainThread();
  if (!callback && !main) return;
  const py::gil_scoped_acquire lock;
  try {
    if (main) CheckSignals();
    if (!callback || cancelled_) return;
    if (progress) {
      callback.get()(event.node, event.type, event.done, event.total, event.seconds);
    } else {
      callback.get()(event.node, event.done, ToPython(Value(event.image), Type{"image"}));
    }
  } catch (py::error_already_set& error) {
    CallbackRaised(error).IgnoreError();
  }
}

absl::Status RunState::OnRound(Round& round) {
  Value preview;
  {
    absl::MutexLock lock(&mutex_);
    std::swap(preview, preview_);
  }
  const py::gil_scoped_acquire lock;
  try {
    const auto shown = std::make_shared<RoundHandle>(&round, preview);
    // It may be kept after the callback; the round itself is gone by then.
    const absl::Cleanup expire = [&shown] { shown->Expire(); };
    callbacks_.on_step.get()(shown);
  } catch (py::error_already_set& error) {
    return CallbackRaised(error);
  }
  return absl::OkStatus();
}

void RunState::Finish(const absl::Status& status) {
  if (raised_) {
    // Unchanged: with the traceback of where it was raised.
    const py::object error = raised_.get();
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
    throw py::error_already_set();
  }
  if (status.ok()) return;
  if (cancelled_) {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    PyErr_SetNone(PyExc_KeyboardInterrupt);
    throw py::error_already_set();
  }
  Throw(status, cause_.get());
}

std::vector<std::string> RunState::TakeNotices() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(notices_, {});
}

}  // namespace weft::python
