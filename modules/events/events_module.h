#pragma once

#include "core/event_bus.h"
#include "core/module.h"

namespace davit {

/// The engine's one event bus.
class events_module final : public module, public event_bus {
  public:
    using provides = interfaces<event_bus>;
    using needs = interfaces<>;

    explicit events_module(const module_inputs&) {}
};

} // namespace davit
