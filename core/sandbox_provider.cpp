#include "core/sandbox_provider.h"

#include "core/error.h"
#include "core/timeout.h"

namespace davit {

namespace {

task<void> no_longer_than(std::chrono::milliseconds patience, task<void> wait) {
    try {
        co_await with_timeout(patience, "a start", std::move(wait));
    } catch (const error& e) {
        if (e.category() != errc::timed_out) throw;
    }
}

} // namespace

task<void> sandbox_provider::until_no_start(std::chrono::milliseconds patience) {
    if (starts_under_way_ > 0) co_await no_longer_than(patience, until_no_start());
}

task<void> sandbox_provider::until_a_start_ends(std::chrono::milliseconds patience) {
    co_await no_longer_than(patience, until_a_start_ends());
}

task<void> sandbox_provider::until_no_start() {
    while (starts_under_way_ > 0) co_await start_ended_.wait();
}

task<void> sandbox_provider::until_a_start_ends() {
    co_await start_ended_.wait();
}

} // namespace davit
