#include "modules/runtime/native/shim/server.h"

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

#include "modules/runtime/native/shim/small_file.h"

namespace davit::shim {

using shim_protocol::decode;
using shim_protocol::encode;

/// One engine.
class server::connection final : public channel::listener {
  public:
    connection(server& of, std::uint64_t number, int socket)
        : server_{of}, number_{number}, channel_{of.loop_, socket, *this} {
        channel_.send(message_type::hello, 0, encode(shim_protocol::hello{shim_protocol::version, getpid()}));
    }

    void on_frame(incoming_frame frame) override {
        for (int& descriptor : frame.descriptors) close(std::exchange(descriptor, -1)); // An engine gives none
        server_.on_request(*this, frame);
    }
    void on_end() override { server_.on_connection_end(number_); }

    template <class Message> void send(message_type type, std::uint64_t request, const Message& message,
                                       const std::vector<int>& descriptors = {}) {
        channel_.send(type, request, encode(message), descriptors);
    }
    void reply(std::uint64_t request, const std::optional<failure>& failed) {
        if (failed)
            send(message_type::failed, request, *failed);
        else
            send(message_type::done, request, shim_protocol::nothing{});
    }
    std::uint64_t number() const { return number_; }

    bool is_greeted = false; ///< Its hello has come, with our version

  private:
    server& server_;
    std::uint64_t number_;
    channel channel_;
};

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
      around_{loop_, cgroups_.get(), stage_path_, own_oom_score(), raise_descriptor_limit()} {
    reaper_ = std::make_unique<reaper>(*this);
    loop_.add(listening_, EPOLLIN, *this);
}

server::~server() {
    for (auto& entry : by_pid_) entry.second->discard();
    if (listening_ >= 0) close(listening_);
}

void server::on_ready(std::uint32_t) {
    const int socket = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid()) {
        close(socket);
        return;
    }
    const auto number = next_connection_++;
    connections_.emplace(number, std::make_unique<connection>(*this, number, socket));
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

container* server::find(const std::string& id) {
    const auto at = by_id_.find(id);
    return at == by_id_.end() ? nullptr : at->second;
}

container* server::find_sandbox(std::uint64_t sandbox, const connection& from) {
    const auto at = by_sandbox_.find(sandbox);
    return at == by_sandbox_.end() || at->second->connection() != from.number() ? nullptr : at->second;
}

void server::reply(std::uint64_t to, std::uint64_t request, const std::optional<failure>& failed) {
    if (const auto at = connections_.find(to); at != connections_.end()) at->second->reply(request, failed);
}

shim_protocol::process_list server::processes() const {
    shim_protocol::process_list list;
    for (const auto& [id, one] : by_id_) {
        const bool has_ended = one->life() == container::stage_of_life::ended;
        if (!has_ended && one->life() != container::stage_of_life::running) continue;
        auto end = one->end();
        end.id.clear();
        list.processes.push_back(
            {id, one->pid(), one->started_at(), one->started_after(), one->cgroups().path, has_ended, std::move(end)});
    }
    return list;
}

void server::on_request(connection& from, const incoming_frame& frame) {
    const auto malformed = make_failure(failure_kind::invalid, 0, "the request is malformed");
    const auto missing = [](const std::string& id) {
        return make_failure(failure_kind::not_found, 0, "no process of container %s is held", id.c_str());
    };
    if (frame.type == message_type::hello) {
        const auto greeting = decode<shim_protocol::hello>(frame.payload);
        from.is_greeted = greeting && greeting->version == shim_protocol::version;
        return;
    }
    if (frame.type == message_type::quit_if_idle) {
        const bool is_idle = by_id_.empty();
        from.reply(frame.request, is_idle
                                      ? std::nullopt
                                      : std::optional{make_failure(failure_kind::conflict, 0, "containers are held")});
        if (is_idle) {
            if (const auto parent = decode<shim_protocol::cgroup_removal>(frame.payload); parent && cgroups_ != nullptr)
                swept_parent_ = parent->path;
            quit();
        }
        return;
    }
    if (!from.is_greeted)
        return from.reply(frame.request,
                          make_failure(failure_kind::conflict, 0, "this shim speaks version %u of the protocol",
                                       shim_protocol::version));
    switch (frame.type) {
    case message_type::make_sandbox:
        return make_sandbox(from, frame);
    case message_type::configure_network: {
        const auto request = decode<shim_protocol::network_request>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        auto* one = find_sandbox(request->sandbox, from);
        if (one == nullptr)
            return from.reply(frame.request, make_failure(failure_kind::not_found, 0, "no such sandbox"));
        return one->configure_network(frame.request, frame.payload);
    }
    case message_type::discard_sandbox: {
        const auto request = decode<shim_protocol::sandbox_number>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        if (auto* one = find_sandbox(request->id, from)) discard(*one);
        return from.reply(frame.request, std::nullopt);
    }
    case message_type::launch: {
        auto request = decode<shim_protocol::launch_request>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        auto* one = find_sandbox(request->sandbox, from);
        if (one == nullptr)
            return from.reply(frame.request, make_failure(failure_kind::not_found, 0, "no such sandbox"));
        const auto& id = request->plan.container_id;
        if (id.empty() || by_id_.contains(id)) {
            discard(*one);
            return from.reply(frame.request,
                              make_failure(failure_kind::conflict, 0, "container %s is held already", id.c_str()));
        }
        by_sandbox_.erase(one->sandbox());
        by_id_.emplace(id, one);
        return one->launch(frame.request, std::move(request->plan), frame.payload);
    }
    case message_type::remove_cgroups: {
        const auto request = decode<shim_protocol::cgroup_removal>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        const bool is_held = std::any_of(by_id_.begin(), by_id_.end(), [&](const auto& entry) {
            return entry.second->cgroups().path == request->path;
        });
        // Every hierarchy, since nobody remembers which it had joined.
        if (!is_held && !request->path.empty() && cgroups_ != nullptr) {
            const cgroup_membership left{request->path, ~0U};
            cgroups_->signal_all(left, SIGKILL);
            remove_cgroups(left, most_removals);
        }
        return from.reply(frame.request, std::nullopt);
    }
    case message_type::list:
        return from.send(message_type::listed, frame.request, processes());
    case message_type::signal: {
        const auto request = decode<shim_protocol::signal_request>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        const auto* one = find(request->id);
        return from.reply(frame.request,
                          one == nullptr ? missing(request->id) : one->signal(request->number, request->all));
    }
    case message_type::resize: {
        const auto request = decode<shim_protocol::resize_request>(frame.payload);
        if (!request) return from.reply(frame.request, malformed);
        const auto* one = find(request->id);
        return from.reply(frame.request,
                          one == nullptr ? missing(request->id) : one->resize(request->rows, request->columns));
    }
    default:
        break;
    }
    // The rest name a container and nothing else.
    const auto request = decode<shim_protocol::container_name>(frame.payload);
    if (!request) return from.reply(frame.request, malformed);
    auto* one = find(request->id);
    if (one == nullptr) return from.reply(frame.request, missing(request->id));
    switch (frame.type) {
    case message_type::close_stdin:
        one->close_stdin();
        return from.reply(frame.request, std::nullopt);
    case message_type::reopen_streams: {
        shim_protocol::streams answer;
        const auto descriptors = one->streams(answer.streams);
        return from.send(message_type::streams, frame.request, answer, descriptors);
    }
    case message_type::release:
        if (one->life() != container::stage_of_life::ended)
            return from.reply(frame.request,
                              make_failure(failure_kind::conflict, 0, "container %s is running", request->id.c_str()));
        forget(*one);
        return from.reply(frame.request, std::nullopt);
    default:
        return from.reply(frame.request, malformed);
    }
}

void server::make_sandbox(connection& from, const incoming_frame& frame) {
    const auto shape = decode<shim_protocol::sandbox_template>(frame.payload);
    if (!shape) return from.reply(frame.request, make_failure(failure_kind::invalid, 0, "the request is malformed"));
    if (cgroups_ != nullptr && !shape->cgroup_parent.empty() && shape->cgroup_parent != swept_parent_) {
        swept_parent_ = shape->cgroup_parent;
        cgroups_->sweep(swept_parent_);
    }
    auto made = std::make_unique<container>(around_, *this, next_sandbox_++, from.number());
    auto failed = made->start(*shape);
    auto& one = *made;
    if (one.pid() > 0) {
        by_pid_.emplace(one.pid(), std::move(made));
        by_sandbox_.emplace(one.sandbox(), &one);
    }
    if (failed) {
        if (one.pid() > 0) discard(one);
        return from.reply(frame.request, failed);
    }
    from.send(message_type::made, frame.request, shim_protocol::made_sandbox{one.sandbox(), one.pid()});
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
    if (by_pid_.empty()) end();
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

void server::remove_cgroups(cgroup_membership membership, int tries_left) {
    if (cgroups_ == nullptr || membership.hierarchies == 0 || tries_left == 0) return;
    loop_.when_idle([this, membership = std::move(membership), tries_left] {
        // A container of the same name may have begun meanwhile, in the same cgroups.
        const bool is_used = std::any_of(by_id_.begin(), by_id_.end(), [&](const auto& entry) {
            return entry.second->cgroups().path == membership.path;
        });
        // A process that was killed by way of the cgroup may still be dying: busy now, free in a moment.
        if (!is_used && !cgroups_->remove(membership)) remove_cgroups(membership, tries_left - 1);
    });
}

void server::on_children() {
    int status = 0;
    for (int pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        const auto at = by_pid_.find(pid);
        if (at == by_pid_.end()) continue; // An orphan of a container that shares the host's pids
        auto& one = *at->second;
        one.on_exit(status);
        auto held = std::move(by_pid_.find(pid)->second);
        by_pid_.erase(pid);
        if (by_sandbox_.contains(one.sandbox())) discard(one);
        remove_cgroups(one.left_behind(), most_removals);
        if (one.life() != container::stage_of_life::ended || one.id().empty()) {
            remove_cgroups(one.cgroups(), most_removals);
            continue;
        }
        for (auto& entry : connections_) entry.second->send(message_type::exited, 0, one.end());
        ended_.emplace(one.id(), std::move(held));
    }
    if (is_quitting_ && by_pid_.empty()) end();
}

} // namespace davit::shim
