#include "core/scope.h"

#include "core/error.h"
#include "core/spawned.h"

namespace davit {

namespace {

bool is_cancelled(const std::exception_ptr& failure) noexcept {
    try {
        std::rethrow_exception(failure);
    } catch (const error& e) {
        return e.category() == errc::cancelled;
    } catch (...) {
        return false;
    }
}

} // namespace

void scope::spawn(task<void> child) {
    ++running_;
    detail::spawned<scope>::start(*this, cancellation_, std::move(child));
}

void scope::child_ended(std::exception_ptr failure) noexcept {
    if (failure) fail(std::move(failure));
    if (--running_ == 0 && joining_) std::exchange(joining_, nullptr)->complete();
}

void scope::fail(std::exception_ptr failure) noexcept {
    // Being cancelled is how the others end; it is a failure only where nobody asked for it.
    if (cancellation_.is_requested() && is_cancelled(failure)) return;
    if (!failure_) failure_ = std::move(failure);
    cancellation_.request();
}

void scope::rethrow_failure() const {
    if (failure_) std::rethrow_exception(failure_);
}

} // namespace davit
