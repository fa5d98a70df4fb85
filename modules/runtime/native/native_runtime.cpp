#include "modules/runtime/native/native_runtime.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/timeout.h"
#include "io/offload.h"
#include "modules/runtime/native/orphan.h"
#include "modules/runtime/native/protected_paths.h"

namespace davit {

using shim_protocol::decode;
using shim_protocol::encode;
using shim_protocol::message_type;

namespace {

/// Where containers' cgroups usually are: those of warm sandboxes are made here ahead, so that a launch only renames.
constexpr const char* usual_cgroup_parent = "davit";

/// In which a shim that is well has started, greeted, or ended when asked to, however busy the host.
constexpr std::chrono::seconds longest_greeting{10};

/// How long a shim that hangs may hold up the end of the engine.
constexpr std::chrono::seconds longest_farewell{2};

/// How often, and with which pauses, cgroups are tried to be removed whose processes are just dying.
constexpr int most_clearings = 100;
constexpr std::chrono::milliseconds between_clearings{20};

/// A sandbox's number tells its connection too: a new shim counts from one again.
constexpr unsigned generation_shift = 40;

std::chrono::system_clock::time_point time_of(std::int64_t microseconds) {
    return std::chrono::system_clock::time_point{
        std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::microseconds{microseconds})};
}

exit_status status_of(const shim_protocol::exited& end) {
    return {end.code, end.was_oom_killed, true, time_of(end.finished_at)};
}

template <class Message> Message get(const shim_connection::answer& from) {
    auto message = decode<Message>(from.payload);
    if (!message) throw error(errc::internal, "davit-shim's answer can't be read");
    return std::move(*message);
}

/// Where cgroups may be: the root (v2), or also one place below it for each hierarchy (v1).
std::vector<std::string> cgroup_hierarchies() {
    namespace fs = std::filesystem;
    const fs::path root{"/sys/fs/cgroup"};
    std::error_code none;
    std::vector<std::string> hierarchies{root};
    if (!fs::exists(root / "cgroup.controllers", none))
        for (const auto& entry : fs::directory_iterator{root, none})
            if (!entry.is_symlink(none)) hierarchies.push_back(entry.path());
    return hierarchies;
}

/// Those of the paths that are there in a hierarchy of the host.
std::vector<std::string> existing_cgroups(const std::vector<std::string>& paths) {
    static const std::vector<std::string> hierarchies = cgroup_hierarchies();
    std::vector<std::string> found;
    for (const auto& path : paths)
        if (std::any_of(hierarchies.begin(), hierarchies.end(), [&](const std::string& hierarchy) {
                return ::access((hierarchy + "/" + path).c_str(), F_OK) == 0;
            }))
            found.push_back(path);
    return found;
}

/// Hands the descriptors on in the protocol's order.
process_streams take_streams(std::uint8_t bits, std::vector<io::descriptor>& descriptors, int* root = nullptr) {
    process_streams streams;
    std::size_t next = 0;
    const auto take = [&](std::uint8_t bit) {
        if ((bits & bit) == 0) return -1;
        if (next == descriptors.size()) throw error(errc::internal, "davit-shim sent fewer streams than it said");
        return descriptors[next++].release();
    };
    streams.stdin_writer = take(shim_protocol::has_stdin);
    streams.stdout_reader = take(shim_protocol::has_stdout);
    streams.stderr_reader = take(shim_protocol::has_stderr);
    streams.terminal = take(shim_protocol::has_terminal);
    if (root) *root = take(shim_protocol::has_root);
    return streams;
}

} // namespace

native_runtime::native_runtime(const module_inputs& given)
    : native_runtime{
          shim_program{given.config().text("shim-path"), given.config().text("exec-root") + "/shim/shim.sock"}} {}

native_runtime::native_runtime(shim_program program, std::chrono::milliseconds patience)
    : program_{std::move(program)}, patience_{patience} {
    template_.cgroup_parent = usual_cgroup_parent;
}

native_runtime::~native_runtime() = default;

task<void> native_runtime::start() {
    program_.path = find_shim_program(program_.path);
    template_.masked_paths = default_masked_paths();
    template_.read_only_paths = default_read_only_paths();
    // A shim that runs is found now, so that its containers are known before anybody asks for them.
    co_await connected();
}

task<void> native_runtime::stop() {
    co_await let_shim_go();
    co_await running_.end();
    connection_.reset();
}

/// A shim that holds no container has nothing to stay for; whether it does, it says itself.
task<void> native_runtime::let_shim_go() {
    if (!connection_) co_return;
    if (connection_->is_lost()) {
        // What the sandboxes of a lost shim left is swept by another.
        try {
            co_await connected();
        } catch (const error& e) {
            if (e.category() == errc::cancelled) throw;
            log::warn("what a lost davit-shim left stays until the engine comes back: {}", e.text());
        }
        if (connection_->is_lost()) co_return;
    }
    const auto to = std::exchange(connection_, nullptr); // so that its end is not taken for a loss
    if (!co_await running_.run_for(longest_farewell, ask_to_quit(to))) log::warn("davit-shim does not answer");
}

task<void> native_runtime::ask_to_quit(connection to) {
    try {
        co_await to->ask(message_type::quit_if_idle, encode(shim_protocol::cgroup_removal{template_.cgroup_parent}));
    } catch (const error& e) {
        log::debug("davit-shim stays: {}", e.text());
    }
}

task<module_health> native_runtime::health() {
    if (connection_ && !connection_->is_lost()) co_return module_health{};
    co_return module_health{false, "davit-shim is not connected; the next start of a container starts it"};
}

task<native_runtime::connection> native_runtime::connected() {
    if (connection_ && !connection_->is_lost()) co_return connection_;
    const auto turn = co_await connecting_.acquire();
    if (connection_ && !connection_->is_lost()) co_return connection_;
    co_return co_await connect();
}

task<std::optional<shim_protocol::hello>> native_runtime::greet(shim_connection& with) {
    try {
        co_return co_await with_timeout(std::min<std::chrono::milliseconds>(patience_, longest_greeting),
                                        "the greeting of davit-shim", with.greet());
    } catch (const error& e) {
        if (e.category() != errc::unavailable) throw;
    }
    co_return std::nullopt;
}

task<void> native_runtime::await_end(connection of) {
    while (!of->is_lost()) co_await sleep_for(std::chrono::milliseconds{1});
}

task<native_runtime::connection> native_runtime::connect() {
    if (connection_) orphan(connection_->generation());
    for (int attempt = 0; attempt < 20; ++attempt) {
        auto socket = connect_to_shim(program_.socket);
        if (!socket) {
            co_await with_timeout(longest_greeting, "the start of davit-shim", start_shim(program_));
            socket = connect_to_shim(program_.socket);
            if (!socket)
                throw error(errc::unavailable, "davit-shim started and does not listen at {}", program_.socket);
        }
        auto made = std::make_shared<shim_connection>(std::move(*socket), ++generations_, patience_);
        const auto theirs = co_await greet(*made);
        if (!theirs) { // It was ending just then
            co_await sleep_for(std::chrono::milliseconds{5});
            continue;
        }
        running_.spawn(serve(made));
        if (theirs->version == shim_protocol::version) {
            co_await adopt(made);
            connection_ = made;
            co_return made;
        }
        log::info("replacing davit-shim of protocol version {} by one of version {}", theirs->version,
                  shim_protocol::version);
        try {
            co_await made->ask(message_type::quit_if_idle, {});
        } catch (error& e) {
            e.while_doing(
                "replacing davit-shim of another version (stop its containers, or use the engine that started "
                "them)");
            throw;
        }
        co_await with_timeout(longest_greeting, "the end of davit-shim of another version", await_end(made));
    }
    throw error(errc::unavailable, "davit-shim at {} ends or changes its version again and again", program_.socket);
}

task<void> native_runtime::serve(connection to) {
    bool is_ending = false;
    try {
        co_await to->receive([this](const shim_protocol::exited& exit) { note_exit(exit); });
    } catch (const error& e) {
        is_ending = e.category() == errc::cancelled;
    }
    if (is_ending) co_return;
    if (to == connection_) log::warn("davit-shim has ended; its containers run on without it");
    orphan(to->generation());
}

void native_runtime::orphan(std::uint64_t generation) {
    for (auto& process : processes_.all()) {
        if (process->ended || process->is_orphan || process->connection != generation) continue;
        process->is_orphan = true;
        running_.spawn(watch_orphan(std::move(process)));
    }
}

task<void> native_runtime::watch_orphan(process_table::entry process) {
    if (auto pidfd = open_orphan(process->pid, process->started_after)) co_await wait_for_orphan(std::move(pidfd));
    // Unless a shim was found again that tells of it.
    if (process->is_orphan)
        process_table::end(*process, {128 + SIGKILL, false, false, std::chrono::system_clock::now()});
}

/// Learns what a shim holds that this engine has not launched itself, and what ended while nobody listened.
task<void> native_runtime::adopt(connection from) {
    exits_before_adoption_.emplace();
    shim_protocol::process_list list;
    std::exception_ptr failure;
    try {
        list =
            get<shim_protocol::process_list>(co_await from->ask(message_type::list, encode(shim_protocol::nothing{})));
    } catch (...) {
        failure = std::current_exception();
    }
    const auto early = std::exchange(exits_before_adoption_, std::nullopt);
    if (failure) std::rethrow_exception(failure);
    for (const auto& held : list.processes) {
        const auto process = processes_.add(held.id);
        process->pid = held.pid;
        process->connection = from->generation();
        process->is_orphan = false;
        process->started_at = time_of(held.started_at);
        process->started_after = held.started_after;
        process->cgroup_path = held.cgroup_path;
        if (held.has_ended) process_table::end(*process, status_of(held.end));
    }
    for (const auto& exit : *early) note_exit(exit);
}

void native_runtime::note_exit(const shim_protocol::exited& exit) {
    if (const auto process = processes_.find(exit.id))
        process_table::end(*process, status_of(exit));
    else if (exits_before_adoption_)
        exits_before_adoption_->push_back(exit);
}

task<native_runtime::connection> native_runtime::owner_of(sandbox_ref sandbox) {
    auto to = co_await connected();
    if (sandbox.id >> generation_shift != to->generation())
        throw error(errc::unavailable, "the sandbox is gone with the davit-shim that made it; make another");
    co_return to;
}

task<std::pair<native_runtime::connection, shim_connection::answer>> native_runtime::ask_any(message_type type,
                                                                                             std::string payload) {
    auto to = co_await connected();
    bool is_gone = false;
    try {
        auto answer = co_await to->ask(type, payload);
        co_return std::pair{to, std::move(answer)};
    } catch (const error& e) {
        is_gone = e.category() == errc::unavailable && to->is_lost();
        if (!is_gone) throw;
    }
    to = co_await connected();
    auto answer = co_await to->ask(type, std::move(payload));
    co_return std::pair{to, std::move(answer)};
}

task<sandbox_ref> native_runtime::make_sandbox(sandbox_shape shape) {
    auto wanted = template_;
    wanted.shape = shape;
    const auto [to, answer] = co_await ask_any(message_type::make_sandbox, encode(wanted));
    const auto made = get<shim_protocol::made_sandbox>(answer);
    co_return sandbox_ref{to->generation() << generation_shift | made.id, made.pid};
}

task<void> native_runtime::configure_network(sandbox_ref sandbox, network_plan plan) {
    const auto to = co_await owner_of(sandbox);
    const auto number = sandbox.id & ((std::uint64_t{1} << generation_shift) - 1);
    co_await to->ask(message_type::configure_network, encode(shim_protocol::network_request{number, std::move(plan)}));
}

task<void> native_runtime::discard_sandbox(sandbox_ref sandbox) {
    // With its connection it is gone already.
    const auto to = connection_;
    if (!to || to->is_lost() || sandbox.id >> generation_shift != to->generation()) co_return;
    const auto number = sandbox.id & ((std::uint64_t{1} << generation_shift) - 1);
    co_await to->ask(message_type::discard_sandbox, encode(shim_protocol::sandbox_number{number}));
}

bool native_runtime::is_waiting(const sandbox_ref& sandbox) const noexcept {
    if (!connection_ || connection_->is_lost()) return false;
    // Its process is the shim's child, so its number is not given away before it is reaped.
    return sandbox.id >> generation_shift == connection_->generation() && ::kill(sandbox.pid, 0) == 0;
}

task<launched_process> native_runtime::launch(sandbox_ref sandbox, launch_plan plan) {
    const auto to = co_await owner_of(sandbox);
    if (processes_.find(plan.container_id) != nullptr)
        throw error(errc::conflict, "a process of container {} is held already", plan.container_id);
    const auto number = sandbox.id & ((std::uint64_t{1} << generation_shift) - 1);
    const auto process = processes_.add(plan.container_id); // Before its exit can be told
    process->cgroup_path = plan.cgroup.path;
    process->connection = to->generation();
    shim_connection::answer answer;
    std::exception_ptr failure;
    try {
        auto payload = encode(shim_protocol::launch_request{number, std::move(plan)});
        answer = co_await to->ask(message_type::launch, std::move(payload));
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        processes_.remove(process->container_id);
        // A shim that went away in the middle may have let the process begin: nobody knows it, so it must not live.
        if (to->is_lost())
            co_await clear_cgroups(std::vector<std::string>{process->cgroup_path}, std::chrono::milliseconds{0});
        std::rethrow_exception(failure);
    }
    auto launched = get<shim_protocol::launched>(answer);
    process->pid = launched.pid;
    process->started_at = time_of(launched.started_at);
    process->started_after = launched.started_after;
    launched_process result;
    result.pid = launched.pid;
    result.started_at = process->started_at;
    result.streams = take_streams(launched.streams, answer.descriptors, &result.root);
    result.phases.reserve(launched.phases.size());
    for (auto& phase : launched.phases) result.phases.push_back({std::move(phase.name), phase.microseconds});
    co_return result;
}

task<void> native_runtime::remove_cgroups(std::string path) {
    co_await ask_any(message_type::remove_cgroups, encode(shim_protocol::cgroup_removal{std::move(path)}));
}

task<void> native_runtime::clear_cgroups(std::vector<std::string> cgroup_paths, std::chrono::milliseconds patience) {
    auto pause = between_clearings;
    for (int attempt = 0; attempt < most_clearings;) {
        cgroup_paths = co_await io::offload([paths = std::move(cgroup_paths)] { return existing_cgroups(paths); });
        if (cgroup_paths.empty()) co_return;
        if (patience > pause) {
            patience -= pause;
            co_await sleep_for(pause);
            pause *= 2; // a shim with much to do is not asked more often for it
            continue;
        }
        if (attempt++ > 0) // At first the shim may be at it
            for (const auto& path : cgroup_paths) co_await remove_cgroups(path);
        co_await sleep_for(between_clearings);
    }
    throw error(errc::unavailable, "the cgroup {} can't be removed", cgroup_paths.front());
}

task<exit_status> native_runtime::wait(std::string container_id) {
    const auto process = processes_.get(container_id);
    co_await process->has_ended.wait();
    co_return *process->ended;
}

task<void> native_runtime::signal(std::string container_id, int number, bool all) {
    const auto process = processes_.get(container_id);
    if (process->ended) throw error(errc::not_found, "container {} is not running", container_id);
    if (!process->is_orphan) {
        const auto to = connection_;
        try {
            if (!to || to->is_lost()) throw error(errc::unavailable, "davit-shim has ended");
            co_await to->ask(message_type::signal, encode(shim_protocol::signal_request{container_id, number, all}));
            co_return;
        } catch (const error& e) {
            if (e.category() != errc::unavailable || (to && !to->is_lost())) throw;
        }
        orphan(process->connection); // The shim went away just now: its containers have not
        if (process->ended) throw error(errc::not_found, "container {} is not running", container_id);
    }
    signal_orphan(*process, number);
}

void native_runtime::signal_orphan(const known_process& to, int number) {
    if (number < 1 || number > SIGRTMAX) throw error(errc::invalid, "there is no signal {}", number);
    const auto pidfd = open_orphan(to.pid, to.started_after);
    if (!pidfd) throw error(errc::not_found, "container {} is not running", to.container_id);
    if (syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0) < 0)
        throw error::system(errno, "signalling container {}", to.container_id);
}

task<void> native_runtime::resize(std::string container_id, std::uint16_t rows, std::uint16_t columns) {
    const auto process = processes_.get(container_id);
    if (process->is_orphan)
        throw error(errc::unavailable, "the terminal of container {} was lost with davit-shim", container_id);
    const auto to = co_await connected();
    co_await to->ask(message_type::resize,
                     encode(shim_protocol::resize_request{std::move(container_id), rows, columns}));
}

task<void> native_runtime::close_stdin(std::string container_id) {
    const auto process = processes_.get(container_id);
    if (process->is_orphan) co_return; // The shim's copy was closed with it
    const auto to = co_await connected();
    co_await to->ask(message_type::close_stdin, encode(shim_protocol::container_name{std::move(container_id)}));
}

task<std::vector<running_process>> native_runtime::processes() {
    co_await connected();
    std::vector<running_process> list;
    for (const auto& process : processes_.all())
        if (process->pid != 0) // Those that are just being launched are their launcher's affair
            list.push_back({process->container_id, process->pid, process->started_at, process->ended});
    co_return list;
}

task<process_streams> native_runtime::reopen_streams(std::string container_id) {
    const auto process = processes_.get(container_id);
    if (process->is_orphan)
        throw error(errc::unavailable, "the streams of container {} were lost with davit-shim", container_id);
    const auto to = co_await connected();
    auto answer =
        co_await to->ask(message_type::reopen_streams, encode(shim_protocol::container_name{std::move(container_id)}));
    co_return take_streams(get<shim_protocol::streams>(answer).streams, answer.descriptors);
}

task<void> native_runtime::release(std::string container_id) {
    const auto process = processes_.get(container_id);
    if (!process->ended) throw error(errc::conflict, "container {} is running", container_id);
    std::exception_ptr failure;
    try {
        co_await let_go_of(process);
    } catch (...) {
        failure = std::current_exception();
    }
    // Held on to, it would be in the way of the container's next start.
    processes_.remove(container_id);
    if (failure) std::rethrow_exception(failure);
}

task<void> native_runtime::let_go_of(process_table::entry process) {
    const auto to = co_await connected();
    bool is_shim_gone = process->is_orphan || process->connection != to->generation();
    try {
        if (!is_shim_gone)
            co_await to->ask(message_type::release, encode(shim_protocol::container_name{process->container_id}));
    } catch (const error& e) {
        if (e.category() != errc::unavailable || !to->is_lost()) throw;
        is_shim_gone = true;
    }
    if (is_shim_gone) co_await remove_cgroups(process->cgroup_path);
}

} // namespace davit
