#pragma once

#include "core/event_bus.h"
#include "core/module.h"

namespace davit {

/// The engine's one event bus, as a module that others name among their needs.
class engine_events final : public module, public event_bus {
  public:
    using provides = interfaces<event_bus>;
    using needs = interfaces<>;

    explicit engine_events(const module_inputs&) {}
};

} // namespace davit
