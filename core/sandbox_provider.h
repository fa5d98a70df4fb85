#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "core/counted.h"
#include "core/network_driver.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/wait_list.h"

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
/// stock is refilled when no start is under way, sized by recent demand; each sandbox is used once.
class sandbox_provider {
  public:
    virtual ~sandbox_provider() = default;

    virtual task<ready_sandbox> take(sandbox_request request) = 0;
    /// Returns a sandbox that was taken and not launched: it is discarded and its endpoint detached.
    virtual task<void> discard(ready_sandbox unused) = 0;

    /// For who starts a container: from before the take until its process runs.
    [[nodiscard]] counted start_under_way() noexcept { return counted{starts_under_way_, start_ended_}; }
    /// For what can wait, so that starts have the machine for themselves: returns when none is under way, or when
    /// `patience` has ended.
    task<void> until_no_start(std::chrono::milliseconds patience);

  protected:
    std::size_t starts_under_way() const noexcept { return starts_under_way_; }
    /// Returns when a start has ended, or when `patience` has.
    task<void> until_a_start_ends(std::chrono::milliseconds patience);
    wait_list start_ended_; ///< Woken whenever one has

  private:
    task<void> until_no_start();
    task<void> until_a_start_ends();

    std::size_t starts_under_way_ = 0;
};

} // namespace davit
