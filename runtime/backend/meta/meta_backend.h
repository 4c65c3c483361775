#ifndef WEFT_RUNTIME_BACKEND_META_META_BACKEND_H_
#define WEFT_RUNTIME_BACKEND_META_META_BACKEND_H_

#include <memory>

#include "runtime/backend/backend.h"

namespace weft {

// Computes nothing: results have shapes and no memory, and the allocator's meter counts what the
// CPU backend would take, packed weights and scratch included.
std::unique_ptr<Backend> MakeMetaBackend();

}  // namespace weft

#endif  // WEFT_RUNTIME_BACKEND_META_META_BACKEND_H_
