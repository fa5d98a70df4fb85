#pragma once

#include <string>

#include "core/state_store.h"
#include "core/task.h"

namespace davit::api {

/// The engine's id, which clients tell engines apart by: made once for a data root, and kept there.
task<std::string> engine_identity(state_store& store);

} // namespace davit::api
