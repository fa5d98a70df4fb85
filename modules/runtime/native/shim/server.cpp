#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "modules/runtime/native/shim/engine_connection.h"
#include "modules/runtime/native/shim/small_file.h"

namespace davit::shim {

/// Wakes on SIGCHLD.
class server::reaper final : public watcher {
  public:
    explicit reaper(server& of) : server_{of} {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigprocmask(SIG_BLOCK, &set, nullptr);
        signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signals_ < 0) std::abort();
        server_.loop_.add(signals_, EPOLLIN, *this);
    }
    ~reaper() {
        server_.loop_.remove(signals_);
        close(signals_);
    }
    void on_ready(std::uint32_t) override {
        signalfd_siginfo ignored;
        while (read(signals_, &ignored, sizeof ignored) > 0) {
        }
        server_.on_children();
    }

  private:
    server& server_;
    int signals_ = -1;
};

namespace {

/// How often cgroups are tried to be removed, one try each time that the shim is idle: on a busy host a killed process
/// takes its time.
constexpr int most_removals = 1000;

/// How many children are reaped in a turn of the loop: in a storm of orphans others have their turns, too.
constexpr int most_reaped_in_a_turn = 64;

int own_oom_score() {
    const auto text = read_file("/proc/self/oom_score_adj");
    return text ? std::atoi(text->c_str()) : 0;
}

/// Raises the soft limit of descriptors to the hard one; returns what it was, for the sandboxes.
std::uint64_t raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return 1024;
    const auto before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return before;
}

} // namespace

server::server(int listening, std::string stage_path, const std::string& cgroup_root)
    : listening_{listening},
      stage_path_{std::move(stage_path)},
      cgroups_{detect_cgroups(cgroup_root)},
      around_{loop_, cgroups_.get(), stage_path_, own_oom_score()},
      zygote_{loop_, *this, raise_descriptor_limit()} {
    reaper_ = std::make_unique<reaper>(*this);
    loop_.add(listening_, EPOLLIN, *this);
}

server::~server() {
    for (auto& entry : by_pid_) entry.second->discard();
    if (listening_ >= 0) close(listening_);
}

void server::on_ready(std::uint32_t) {
    const int socket = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) rest_from_accepting();
        return;
    }
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid()) {
        close(socket);
        return;
    }
    const auto number = next_connection_++;
    connections_.emplace(number, std::make_unique<connection>(*this, number, socket));
}

void server::rest_from_accepting() {
    loop_.remove(listening_);
    loop_.when_idle([this] {
        if (listening_ >= 0) loop_.add(listening_, EPOLLIN, *this);
    });
}

void server::on_connection_end(std::uint64_t number) {
    connections_.erase(number);
    std::vector<container*> orphans;
    for (const auto& [sandbox, one] : by_sandbox_)
        if (one->connection() == number) orphans.push_back(one);
    for (auto* one : orphans) discard(*one);
    // Nobody was told that they began, and the next engine may ask for the list before they have.
    std::vector<container*> untold;
    for (const auto& [id, one] : by_id_)
        if (one->connection() == number && one->life() == container::stage_of_life::launching) untold.push_back(one);
    for (auto* one : untold) one->abandon_launch();
}

void server::reply(std::uint64_t to, std::uint64_t request, const std::optional<failure>& failed) {
    if (const auto at = connections_.find(to); at != connections_.end()) at->second->reply(request, failed);
}

void server::on_answer(std::uint64_t to, std::uint64_t request, std::optional<failure> failed) {
    reply(to, request, failed);
}

void server::on_launch_ended(container& one, std::uint64_t to, std::uint64_t request, std::optional<failure> failed) {
    const auto at = connections_.find(to);
    if (failed) {
        std::erase_if(by_id_, [&](const auto& entry) { return entry.second == &one; });
        if (at != connections_.end()) at->second->reply(request, failed);
        return;
    }
    if (at == connections_.end()) return one.close_root();
    shim_protocol::launched answer{one.pid(), one.started_at(), one.started_after(), 0, one.take_phases()};
    const auto descriptors = one.launched_descriptors(answer.streams);
    at->second->send(message_type::launched, request, answer, descriptors);
    one.close_root();
}

void server::discard(container& one) {
    by_sandbox_.erase(one.sandbox());
    one.discard(); // Its cgroups go when it is reaped, however long it takes to die
    spent_.erase(one.sandbox());
}

void server::quit() {
    while (!by_sandbox_.empty()) discard(*by_sandbox_.begin()->second);
    // An engine that comes now gets a new shim.
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) == 0) unlink(address.sun_path);
    loop_.remove(listening_);
    close(std::exchange(listening_, -1));
    is_quitting_ = true;
    if (by_pid_.empty() && expected_.empty()) end();
}

void server::end() {
    // Sandboxes of a shim that was killed may still have been dying when this one swept first.
    if (!swept_parent_.empty()) sweep(most_removals);
    loop_.stop();
}

void server::sweep(int tries_left) {
    if (tries_left == 0) return;
    loop_.when_idle([this, tries_left] {
        if (!cgroups_->sweep(swept_parent_)) sweep(tries_left - 1);
    });
}

void server::forget(container& one) {
    remove_cgroups(one.cgroups(), most_removals);
    const auto id = one.id();
    by_id_.erase(id);
    ended_.erase(id);
}

bool server::is_used(const std::string& cgroup_path) const {
    const auto is_its = [&](const auto& entry) {
        return entry.second->cgroups().path == cgroup_path && !spent_.contains(entry.second->sandbox());
    };
    return std::any_of(by_id_.begin(), by_id_.end(), is_its) ||
           std::any_of(by_sandbox_.begin(), by_sandbox_.end(), is_its);
}

void server::clear_cgroups(const std::string& path) {
    if (cgroups_ == nullptr || path.empty() || is_used(path)) return;
    const cgroup_membership left{path, ~0U}; // Every hierarchy, since nobody remembers which it had joined
    cgroups_->signal_all(left, SIGKILL);
    remove_cgroups(left, most_removals);
}

void server::remove_cgroups(cgroup_membership membership, int tries_left) {
    if (cgroups_ == nullptr || membership.hierarchies == 0 || tries_left == 0) return;
    loop_.when_idle([this, membership = std::move(membership), tries_left] {
        // A container of the same name may have begun meanwhile, in the same cgroups.
        if (is_used(membership.path)) return;
        // A process that was killed by way of the cgroup may still be dying: busy now, free in a moment.
        if (!cgroups_->remove(membership)) remove_cgroups(membership, tries_left - 1);
    });
}

void server::on_children() {
    siginfo_t died{};
    int reaped = 0;
    while (waitid(P_ALL, 0, &died, WEXITED | WNOHANG | WNOWAIT) == 0 && died.si_pid != 0) {
        if (reaped++ == most_reaped_in_a_turn) {
            std::raise(SIGCHLD); // Blocked, so it wakes the reaper again
            break;
        }
        const int pid = died.si_pid;
        const auto at = by_pid_.find(pid);
        const bool is_zygote = pid == zygote_.pid();
        if (is_zygote) zygote_.on_exit();
        if (at == by_pid_.end() && !is_zygote && !expected_.empty()) {
            knows_all_children_ = false; // Looked at again after the zygote's next answer
            break;
        }
        // Otherwise it may be an orphan of a container that shares the host's pids.
        // Reaped only when nothing is done by its number any more: from then on the number may be another's.
        if (at != by_pid_.end())
            at->second->on_exit(died.si_code == CLD_EXITED ? died.si_status : 128 + died.si_status);
        waitpid(pid, nullptr, 0);
        if (at == by_pid_.end()) continue;
        auto held = std::move(at->second);
        by_pid_.erase(at);
        auto& one = *held;
        remove_cgroups(one.left_behind(), most_removals);
        if (by_sandbox_.contains(one.sandbox())) {
            remove_cgroups(one.cgroups(), most_removals);
            spent_.emplace(one.sandbox(), std::move(held));
            continue;
        }
        if (one.life() != container::stage_of_life::ended || one.id().empty()) {
            remove_cgroups(one.cgroups(), most_removals);
            continue;
        }
        for (auto& entry : connections_) entry.second->send(message_type::exited, 0, one.end());
        ended_.emplace(one.id(), std::move(held));
    }
    if (is_quitting_ && by_pid_.empty() && expected_.empty()) end();
}

} // namespace davit::shim
