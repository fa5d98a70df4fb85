#include "io/loop.h"

#include <algorithm>
#include <uv.h>

#include "core/error.h"
#include "core/timer_queue.h"

namespace davit::io {

struct loop::state {
    uv_loop_t uv{};
    uv_idle_t idle{};       // active while something is ready, so that polling doesn't wait
    uv_prepare_t prepare{}; // runs what timers and closings made ready
    uv_check_t check{};     // runs what polling made ready
    uv_timer_t timer{};     // the earliest of `timers`
    timer_queue timers;
    intrusive_list<ready_item> ready;

    void run_ready() noexcept {
        // What an item makes ready runs after one round of polling: a busy chain can't starve the descriptors.
        intrusive_list<ready_item> batch;
        batch.take_all(ready);
        while (ready_item* item = batch.pop_front()) item->run();
        if (ready.is_empty()) uv_idle_stop(&idle);
    }

    void set_timer() noexcept {
        const auto due = timers.next_due();
        if (!due) {
            uv_timer_stop(&timer);
            return;
        }
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*due - std::chrono::steady_clock::now());
        uv_update_time(&uv);
        uv_timer_start(
            &timer,
            [](uv_timer_t* t) {
                auto& self = *static_cast<state*>(t->data);
                self.timers.run_expired(std::chrono::steady_clock::now());
                self.set_timer();
            },
            static_cast<std::uint64_t>(std::max<std::int64_t>(0, wait.count())), 0);
    }
};

loop::loop() : state_{std::make_unique<state>()} {
    if (const int failed = uv_loop_init(&state_->uv)) throw error::system(-failed, "making the event loop");
    uv_loop_configure(&state_->uv, UV_METRICS_IDLE_TIME);
    uv_idle_init(&state_->uv, &state_->idle);
    uv_prepare_init(&state_->uv, &state_->prepare);
    uv_check_init(&state_->uv, &state_->check);
    uv_timer_init(&state_->uv, &state_->timer);
    state_->prepare.data = state_->check.data = state_->timer.data = state_.get();
    uv_prepare_start(&state_->prepare, [](uv_prepare_t* p) { static_cast<state*>(p->data)->run_ready(); });
    uv_check_start(&state_->check, [](uv_check_t* c) { static_cast<state*>(c->data)->run_ready(); });
}

loop::~loop() {
    for (uv_handle_t* handle :
         {reinterpret_cast<uv_handle_t*>(&state_->idle), reinterpret_cast<uv_handle_t*>(&state_->prepare),
          reinterpret_cast<uv_handle_t*>(&state_->check), reinterpret_cast<uv_handle_t*>(&state_->timer)})
        uv_close(handle, nullptr);
    while (uv_run(&state_->uv, UV_RUN_DEFAULT) != 0) {
    }
    uv_loop_close(&state_->uv);
}

uv_loop_s* loop::native() noexcept {
    return &state_->uv;
}

std::size_t loop::open_handles() noexcept {
    std::size_t count = 0;
    uv_walk(&state_->uv, [](uv_handle_t*, void* n) { ++*static_cast<std::size_t*>(n); }, &count);
    return count - 4; // the loop's own
}

void loop::post(ready_item& item) noexcept {
    if (state_->ready.is_empty()) uv_idle_start(&state_->idle, [](uv_idle_t*) {});
    state_->ready.push_back(item);
}

std::chrono::steady_clock::time_point loop::now() noexcept {
    return std::chrono::steady_clock::now();
}

void loop::arm(timer_item& timer, std::chrono::steady_clock::time_point due) {
    const auto before = state_->timers.next_due();
    state_->timers.arm(timer, due);
    if (!before || state_->timers.next_due() != before) state_->set_timer();
}

void loop::disarm(timer_item& timer) noexcept {
    const auto before = state_->timers.next_due();
    state_->timers.disarm(timer);
    if (state_->timers.next_due() != before) state_->set_timer();
}

void loop::turn() {
    uv_run(&state_->uv, UV_RUN_ONCE);
}

} // namespace davit::io
