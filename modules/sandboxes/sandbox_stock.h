#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/background.h"
#include "core/event.h"
#include "core/module.h"
#include "core/network_driver.h"
#include "core/rollback.h"
#include "core/runtime.h"
#include "core/sandbox_provider.h"
#include "core/wait_list.h"

namespace davit {

/// Sandboxes that are ready before they are asked for. See the README beside this file.
class sandbox_stock final : public module, public sandbox_provider {
  public:
    using provides = interfaces<sandbox_provider>;
    using needs = interfaces<runtime, network_driver>;
    static constexpr std::array keys = {
        setting_key{"sandbox-stock", "8", "How many warm sandboxes of one shape may be kept ready; 0 for none"},
    };

    explicit sandbox_stock(const module_inputs& given);
    sandbox_stock(runtime& runs, driver_set<network_driver> networks, std::size_t most);

    task<void> start() override;
    task<void> stop() override;

    task<ready_sandbox> take(sandbox_request request) override;
    task<void> discard(ready_sandbox unused) override;

    /// How many are ready, of all shapes.
    std::size_t size() const noexcept;

  private:
    using clock = std::chrono::steady_clock;
    using shape_name = std::pair<std::string, sandbox_shape>;

    /// The sandboxes of one shape.
    struct shelf {
        std::deque<ready_sandbox> ready;
        std::deque<clock::time_point> takes; ///< Lately: what the stock is sized by
    };

    /// The first that still waits to be launched; nothing when there is none.
    std::optional<ready_sandbox> take_ready(shelf& from);
    task<ready_sandbox> make(sandbox_request request);
    task<ready_sandbox> make_steps(sandbox_request request, network_driver& network, rollback& undo);
    task<void> keep_filled();
    /// Returns when there is no reason to pause.
    task<void> until_quiet();
    task<void> empty_when_quiet();
    /// The next shape that wants one more; nothing when all have enough.
    const shape_name* find_wanting(clock::time_point now);
    std::size_t wanted(shelf& of, clock::time_point now) const;
    /// A start has the machine for itself, or a take waits for what the stock may have.
    bool must_pause() const;
    task<void> discard_all();

    runtime& runtime_;
    driver_set<network_driver> networks_;
    std::size_t most_;
    std::map<shape_name, shelf> shelves_;
    clock::time_point last_take_{};
    event taken_;
    std::size_t lacking_ = 0; ///< Takes under way that could not be served: what they need is not for the stock
    bool is_filling_ = false; ///< One is being made for the stock
    wait_list filled_;        ///< Woken when it was made, or could not be
    background keeping_{"the sandbox stock"};
};

} // namespace davit
