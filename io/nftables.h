#pragma once

#include <string>

#include "core/semaphore.h"
#include "core/task.h"

namespace davit::io {

/// The host's packet filter, spoken to in nft(8)'s language through libnftables(3).
///
/// The library is loaded for each use and let go again: loaded, it and what it needs hold 1.5 MiB that the engine has
/// to show for being idle (measured: 1.5 MiB while loaded, 0.1 after), and loading takes half a millisecond, which only
/// start-up and repair pay. Rules stay as readable as nft(8) shows them.
class nftables {
  public:
    /// Carries out commands as one transaction, on a worker: all of them or none. No cancellation reaches it once it
    /// has begun. Errors: internal with what nft says, when a command is refused; unavailable when the library is not
    /// there.
    task<void> run(std::string commands);

    /// Puts a table in the place of one of the same name, in one transaction: no packet meets a state between.
    /// `table` is a family and a name ("inet davit_davit0"), `body` the chains and sets between the table's braces.
    task<void> replace_table(std::string table, std::string body);
    /// Idempotent.
    task<void> remove_table(std::string table);

  private:
    semaphore one_at_a_time_{1};
};

} // namespace davit::io
