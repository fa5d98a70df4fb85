#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "modules/runtime/native/shim/cgroup.h"
#include "modules/runtime/native/shim/channel.h"
#include "modules/runtime/native/shim/container.h"
#include "modules/runtime/native/shim/loop.h"
#include "modules/runtime/native/shim/zygote.h"

namespace davit::shim {

/// The engine's side of the shim: takes connections on the socket, carries requests out, reports exits.
class server final : public container_owner, private zygote::listener, private watcher {
  public:
    /// `listening` is a bound, listening, non-blocking socket; it is owned.
    server(int listening, std::string stage_path, const std::string& cgroup_root);
    ~server();

    /// Runs until a quit_if_idle is granted; the socket is unlinked then.
    void run() { loop_.run(); }

    void on_answer(std::uint64_t connection, std::uint64_t request, std::optional<failure> failed) override;
    void on_launch_ended(container& one, std::uint64_t connection, std::uint64_t request,
                         std::optional<failure> failed) override;

  private:
    class connection;
    class reaper;

    /// A sandbox whose process was asked for.
    struct expected_clone {
        std::unique_ptr<container> one;
        shim_protocol::sandbox_template shape;
        std::uint64_t request = 0;
        int tries_left = 0;
    };

    void on_ready(std::uint32_t events) override;
    void on_cloned(int pid, int error) override;
    void on_zygote_end() override;
    void on_request(connection& from, const incoming_frame& frame);
    void on_connection_end(std::uint64_t number);
    /// Takes no engine for a moment: what is lacking for one, a descriptor say, may be there again then.
    void rest_from_accepting();
    void on_children();

    void make_sandbox(connection& from, const incoming_frame& frame);
    void ask_for_clone(expected_clone asked);
    void discard(container& one);
    void forget(container& one);
    /// Takes no engine any more, and ends when the last sandbox is reaped.
    void quit();
    void end();
    /// Removes what shims that are gone left behind, when idle.
    void sweep(int tries_left);
    void remove_cgroups(cgroup_membership membership, int tries_left);
    /// Kills and removes what the shim before this one left of a container, unless one that is held has these cgroups.
    void clear_cgroups(const std::string& path);
    bool is_used(const std::string& cgroup_path) const;
    container* find(const std::string& id);
    container* find_sandbox(std::uint64_t sandbox, const connection& from);
    void reply(std::uint64_t connection, std::uint64_t request, const std::optional<failure>& failed);
    shim_protocol::process_list processes() const;

    loop loop_;
    int listening_;
    std::string stage_path_;
    std::unique_ptr<cgroup_system> cgroups_;
    std::string swept_parent_;
    bool is_quitting_ = false;
    sandbox_surroundings around_;
    zygote zygote_;
    std::deque<expected_clone> expected_; ///< In the order in which the zygote answers
    bool knows_all_children_ = true; ///< False: one that has ended may be a sandbox of which the zygote has yet to tell
    std::unique_ptr<reaper> reaper_;
    std::uint64_t next_connection_ = 1;
    std::uint64_t next_sandbox_ = 1;
    std::unordered_map<std::uint64_t, std::unique_ptr<connection>> connections_;
    std::unordered_map<int, std::unique_ptr<container>> by_pid_; ///< Until it is both reaped and forgotten
    std::unordered_map<std::uint64_t, container*> by_sandbox_;   ///< Not launched yet
    std::unordered_map<std::string, container*> by_id_;
    std::unordered_map<std::string, std::unique_ptr<container>> ended_; ///< Reaped; kept until they are released
    /// Reaped before they were launched; kept until they are asked for, to say why, or discarded.
    std::unordered_map<std::uint64_t, std::unique_ptr<container>> spent_;
};

} // namespace davit::shim
