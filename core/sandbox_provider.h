#pragma once

#include <cstddef>
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
/// stock is refilled when no start is under way, sized by recent demand; each sandbox is used once.
class sandbox_provider {
  public:
    /// A start is under way as long as one lives.
    class start_under_way {
      public:
        explicit start_under_way(sandbox_provider& with) noexcept : with_{with} { ++with_.starts_under_way_; }
        ~start_under_way() { --with_.starts_under_way_; }
        start_under_way(const start_under_way&) = delete;
        start_under_way& operator=(const start_under_way&) = delete;

      private:
        sandbox_provider& with_;
    };

    virtual ~sandbox_provider() = default;

    virtual task<ready_sandbox> take(sandbox_request request) = 0;
    /// Returns a sandbox that was taken and not launched: it is discarded and its endpoint detached.
    virtual task<void> discard(ready_sandbox unused) = 0;

  protected:
    std::size_t starts_under_way() const noexcept { return starts_under_way_; }

  private:
    std::size_t starts_under_way_ = 0;
};

} // namespace davit
