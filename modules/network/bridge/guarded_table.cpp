#include "modules/network/bridge/guarded_table.h"

#include <chrono>
#include <linux/netfilter.h>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/timeout.h"

namespace davit {

guarded_table::guarded_table(io::nftables& filter, family kind, const std::string& name, std::string body)
    : filter_{filter},
      table_{(kind == family::inet ? "inet " : "bridge ") + name},
      body_{std::move(body)},
      watch_{kind == family::inet ? NFPROTO_INET : NFPROTO_BRIDGE, name} {}

task<void> guarded_table::put_up() {
    co_await filter_.replace_table(table_, body_);
}

task<void> guarded_table::guard() {
    for (;;) {
        co_await watch_.damage();
        log::warn("the packet filter's table {} was taken away or changed by somebody; putting it back", table_);
        for (bool is_back = false; !is_back;) {
            try {
                co_await put_up();
                is_back = true;
            } catch (const error& e) {
                if (e.category() == errc::cancelled) throw;
                log::error("containers are not protected by the table {}: {}", table_, e.text());
            }
            if (!is_back) co_await sleep_for(std::chrono::seconds{1});
        }
    }
}

} // namespace davit
