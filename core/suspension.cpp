#include "core/suspension.h"

#include "core/error.h"

namespace davit {

void suspension::throw_if_cancelled() const {
    if (was_cancelled_) throw error(errc::cancelled, "the operation was cancelled");
}

} // namespace davit
