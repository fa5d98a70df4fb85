#pragma once

#include <string>

#include "core/network_driver.h"
#include "core/runtime.h"
#include "core/task.h"

namespace davit {

/// What a container asks of its sandbox.
struct sandbox_request {
    std::string network = "bridge"; ///< The network driver's name
    sandbox_shape shape;
};

/// A sandbox with its network in place, ready for a plan.
struct ready_sandbox {
    sandbox_ref sandbox;
    endpoint where;
};

/// Gives sandboxes: from a small stock of warm ones for the common shapes, or made on the spot by the same code. The
/// stock is refilled when the loop is idle, sized by recent demand; each sandbox is used once.
class sandbox_provider {
  public:
    virtual ~sandbox_provider() = default;

    virtual task<ready_sandbox> take(sandbox_request request) = 0;
    /// Returns a sandbox that was taken and not launched: it is discarded and its endpoint detached.
    virtual task<void> discard(ready_sandbox unused) = 0;
};

} // namespace davit
