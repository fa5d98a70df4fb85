#include "io/signals.h"

#include <algorithm>
#include <csignal>
#include <deque>
#include <uv.h>
#include <vector>

#include "core/error.h"
#include "core/wait_list.h"
#include "io/loop.h"

namespace davit::io {

struct signal_watch::state {
    struct handle {
        uv_signal_t native{};
        state* owner = nullptr; // no callback comes once the watch has ended
    };

    std::vector<handle*> handles; // freed by libuv's closing callback
    std::deque<int> arrived;      // each number once
    wait_list waiting;

    static void close(uv_signal_t* native) noexcept {
        uv_close(reinterpret_cast<uv_handle_t*>(native),
                 [](uv_handle_t* closed) { delete static_cast<handle*>(closed->data); });
    }

    ~state() {
        for (handle* h : handles) close(&h->native);
    }
};

signal_watch::signal_watch(std::initializer_list<int> signals) : state_{std::make_unique<state>()} {
    for (const int number : signals) {
        auto made = std::make_unique<state::handle>();
        made->owner = state_.get();
        made->native.data = made.get();
        if (const int failed = uv_signal_init(loop::current().native(), &made->native))
            throw error::system(-failed, "watching for signal {}", number);
        state_->handles.push_back(made.release());
        const int failed = uv_signal_start(
            &state_->handles.back()->native,
            [](uv_signal_t* native, int arrived) {
                state& self = *static_cast<state::handle*>(native->data)->owner;
                if (std::ranges::find(self.arrived, arrived) != self.arrived.end()) return;
                self.arrived.push_back(arrived);
                self.waiting.wake_one();
            },
            number);
        if (failed) throw error::system(-failed, "watching for signal {}", number);
    }
}

signal_watch::~signal_watch() = default;

task<int> signal_watch::next() {
    while (state_->arrived.empty()) co_await state_->waiting.wait();
    const int first = state_->arrived.front();
    state_->arrived.pop_front();
    co_return first;
}

void ignore_broken_pipes() noexcept {
    std::signal(SIGPIPE, SIG_IGN);
}

} // namespace davit::io
