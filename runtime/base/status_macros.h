#ifndef WEFT_RUNTIME_BASE_STATUS_MACROS_H_
#define WEFT_RUNTIME_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

// The only two macros of weft that hide control flow.

// Returns from the enclosing function if `expr` is not OK.
#define WEFT_RETURN_IF_ERROR(expr)                              \
  do {                                                          \
    if (absl::Status weft_status = (expr); !weft_status.ok()) { \
      return weft_status;                                       \
    }                                                           \
  } while (false)

// Evaluates a StatusOr and either assigns its value or returns its error:
//   WEFT_ASSIGN_OR_RETURN(Tensor x, Allocate(shape));
#define WEFT_ASSIGN_OR_RETURN(lhs, expr) \
  WEFT_ASSIGN_OR_RETURN_IMPL_(WEFT_CONCAT_(weft_or_, __LINE__), lhs, expr)
#define WEFT_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                                \
  if (!tmp.ok()) {                                  \
    return std::move(tmp).status();                 \
  }                                                 \
  lhs = *std::move(tmp)
#define WEFT_CONCAT_(a, b) WEFT_CONCAT_IMPL_(a, b)
#define WEFT_CONCAT_IMPL_(a, b) a##b

namespace weft {

// Builds an InvalidArgument error from pieces, as absl::StrCat does.
template <typename... Pieces>
absl::Status Invalid(const Pieces&... pieces) {
  return absl::InvalidArgumentError(absl::StrCat(pieces...));
}

// The same error with "where: " in front of its message. Keeps code and payloads.
inline absl::Status Annotate(const absl::Status& status, absl::string_view where) {
  if (status.ok() || where.empty()) return status;
  absl::Status annotated(status.code(), absl::StrCat(where, ": ", status.message()));
  status.ForEachPayload([&annotated](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

}  // namespace weft

#endif  // WEFT_RUNTIME_BASE_STATUS_MACROS_H_
