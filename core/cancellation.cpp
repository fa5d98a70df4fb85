#include "core/cancellation.h"

#include "core/error.h"

namespace davit {

cancellation::cancellation(cancellation* parent) noexcept {
    if (!parent) return;
    is_requested_ = parent->is_requested_;
    parent->children_.push_back(*this);
}

void cancellation::request() noexcept {
    if (is_requested_) return;
    is_requested_ = true;
    while (hook* waiting = hooks_.pop_front()) waiting->cancel_requested();
    // A requested child has nothing left to be told, so it may stay unlinked.
    while (cancellation* child = children_.pop_front()) child->request();
}

void cancellation::throw_if_requested() const {
    if (is_requested_) throw error(errc::cancelled, "the operation was cancelled");
}

} // namespace davit
