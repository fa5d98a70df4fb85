#include "core/rollback.h"

#include "core/log.h"

namespace davit {

task<void> rollback::run() {
    while (!steps_.empty()) {
        const auto step = std::move(steps_.back());
        steps_.pop_back();
        try {
            co_await step();
        } catch (const std::exception& e) {
            log::warn("a clean-up step failed; the next start-up will try again: {}", e.what());
        }
    }
}

} // namespace davit
