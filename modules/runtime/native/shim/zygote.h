#pragma once

#include <cstdint>

#include "modules/runtime/native/shim/loop.h"

namespace davit::shim {

/// The small process that clones the sandboxes for the shim, as the shim's own children (CLONE_PARENT, clone(2)).
/// It has nothing to copy: a sandbox costs the same however many containers' descriptors the shim holds. And the shim
/// goes on meanwhile, for to make a network namespace may mean to wait for a lock of the whole host's (rtnl).
class zygote final : public watcher {
  public:
    class listener {
      public:
        /// The clone that was asked for first of those without an answer: its process, or -1 and why there is none.
        virtual void on_cloned(int pid, int error) = 0;
        /// The process has ended: what was asked for and has no answer gets none. The next that is asked for starts
        /// another.
        virtual void on_zygote_end() = 0;

      protected:
        ~listener() = default;
    };

    /// `descriptor_limit`: RLIMIT_NOFILE's soft limit for the sandboxes.
    zygote(loop& on, listener& to, std::uint64_t descriptor_limit);
    zygote(const zygote&) = delete;
    zygote& operator=(const zygote&) = delete;
    /// Ends the process and waits for its end.
    ~zygote();

    /// Asks for a process in new namespaces (`flags`: CLONE_NEW…) that becomes a sandbox on `channel_end`, of which the
    /// caller keeps its own. 0, or the errno with which it could not be asked for.
    int clone(std::uint64_t flags, int channel_end);

    /// -1 when there is none.
    int pid() const { return pid_; }
    /// Its process has ended, and is reaped next.
    void on_exit() { pid_ = -1; }

    void on_ready(std::uint32_t events) override;

  private:
    int begin();
    int ask(std::uint64_t flags, int channel_end);
    void lose();
    void end();

    loop& loop_;
    listener& listener_;
    std::uint64_t descriptor_limit_;
    int socket_ = -1;
    int pid_ = -1;
};

} // namespace davit::shim
