#pragma once

#include <string>

#include "core/task.h"
#include "io/nftables.h"
#include "io/nftables_watch.h"

namespace davit {

/// One table of the packet filter, which is put back when somebody takes it or a part of it away, as the reload of a
/// firewall does.
class guarded_table {
  public:
    enum class family { inet, bridge };

    /// `body`: as `io::nftables::replace_table` takes it. From here on nothing that happens to the table is missed.
    guarded_table(io::nftables& filter, family kind, const std::string& name, std::string body);

    /// Puts the table in the place of one of the same name. Errors: those of `io::nftables`.
    task<void> put_up();
    /// Puts it back as often as it is damaged; ends only by cancellation.
    task<void> guard();

  private:
    io::nftables& filter_;
    std::string table_; // With its family
    std::string body_;
    io::nftables_watch watch_;
};

} // namespace davit
