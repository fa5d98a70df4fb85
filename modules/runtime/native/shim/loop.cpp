#include "modules/runtime/native/shim/loop.h"

#include <cerrno>
#include <cstdlib>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

namespace davit::shim {
namespace {

constexpr int idle_after_milliseconds = 3;
constexpr std::size_t most_idle_work = 256;

} // namespace

loop::loop() : epoll_{epoll_create1(EPOLL_CLOEXEC)} {
    if (epoll_ < 0) std::abort();
}

loop::~loop() {
    close(epoll_);
}

void loop::add(int descriptor, std::uint32_t events, watcher& who) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &who;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
}

void loop::change(int descriptor, std::uint32_t events, watcher& who) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &who;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event);
}

void loop::remove(int descriptor) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
}

void loop::when_idle(std::function<void()> work) {
    idle_work_.push_back(std::move(work));
}

void loop::run() {
    // What was put off is still done: each work item puts itself off again only so often.
    while (!is_stopping_ || !idle_work_.empty()) {
        epoll_event event{};
        const int timeout = idle_work_.empty() ? -1 : idle_work_.size() > most_idle_work ? 0 : idle_after_milliseconds;
        const int count = epoll_wait(epoll_, &event, 1, timeout);
        if (count > 0) static_cast<watcher*>(event.data.ptr)->on_ready(event.events);
        if (!idle_work_.empty() && (count == 0 || idle_work_.size() > most_idle_work)) {
            const auto work = std::move(idle_work_.front());
            idle_work_.pop_front();
            work();
        }
    }
}

} // namespace davit::shim
