#pragma once

#include <span>
#include <string>

#include "core/task.h"
#include "io/poll.h"

namespace davit::io {

/// Hears when somebody takes away a table of the packet filter, or chains or rules in it, or makes it dormant: a
/// firewall that is reloaded flushes everything, also what is not its own.
class nftables_watch {
  public:
    /// `family` is a number of linux/netfilter.h (NFPROTO_INET); `table` the name alone.
    nftables_watch(int family, std::string table);

    /// Returns when something of the table has been taken away and was not put back in the same transaction. What
    /// happens between two calls is not missed.
    task<void> damage();

  private:
    pollable socket_;
    int family_;
    std::string table_;
};

/// Whether these notifications leave the table damaged; `so_far`: whether it was before them. No byte is believed
/// before it was checked.
bool is_table_damaged(std::span<const char> notifications, int family, const std::string& table, bool so_far);

} // namespace davit::io
