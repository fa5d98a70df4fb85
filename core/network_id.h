#pragma once

#include <string>

#include "core/state_store.h"
#include "core/task.h"

namespace davit {

/// The id of the network `name`, which it keeps for the life of the data root: made the first time it is asked for.
task<std::string> kept_network_id(state_store& store, std::string name);

} // namespace davit
