#pragma once

#include "core/module.h"

namespace davit {

/// Adds every module of the engine: the whole engine on one screen.
void register_all(module_registry& to);

} // namespace davit
