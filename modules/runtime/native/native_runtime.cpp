#include "modules/runtime/native/native_runtime.h"

#include <bit>
#include <csignal>
#include <exception>
#include <utility>

#include "core/error.h"
#include "core/timeout.h"
#include "io/offload.h"
#include "modules/runtime/native/host_cgroups.h"
#include "modules/runtime/native/protected_paths.h"

namespace davit {

using shim_protocol::encode;
using shim_protocol::message_type;

namespace {

/// Where containers' cgroups usually are: those of warm sandboxes are made here ahead, so that a launch only renames.
constexpr const char* usual_cgroup_parent = "davit";

/// How often, and with which pauses, cgroups are tried to be removed whose processes are just dying.
constexpr int most_clearings = 100;
constexpr std::chrono::milliseconds between_clearings{20};

/// A sandbox's number tells its connection too: a new shim counts from one again.
constexpr unsigned generation_shift = 40;

/// Hands the descriptors on in the protocol's order.
process_streams take_streams(std::uint8_t bits, std::vector<io::descriptor>& descriptors, int* root = nullptr) {
    // Before any is released: the others know who closes them.
    if (static_cast<std::size_t>(std::popcount(bits)) > descriptors.size())
        throw error(errc::internal, "davit-shim sent fewer streams than it said");
    process_streams streams;
    std::size_t next = 0;
    const auto take = [&](std::uint8_t bit) { return (bits & bit) == 0 ? -1 : descriptors[next++].release(); };
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

task<module_health> native_runtime::health() {
    if (connection_ && !connection_->is_lost()) co_return module_health{};
    co_return module_health{false, "davit-shim is not connected; the next start of a container starts it"};
}

task<native_runtime::connection> native_runtime::owner_of(sandbox_ref sandbox) {
    auto to = co_await connected();
    if (sandbox.id >> generation_shift != to->generation())
        throw error(errc::unavailable, "the sandbox is gone with the davit-shim that made it; make another");
    co_return to;
}

task<sandbox_ref> native_runtime::make_sandbox(sandbox_shape shape) {
    auto wanted = template_;
    wanted.shape = shape;
    const auto [to, answer] = co_await ask_any(message_type::make_sandbox, encode(wanted));
    const auto made = answer.as<shim_protocol::made_sandbox>();
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

task<launched_process> native_runtime::launch(sandbox_ref sandbox, launch_plan plan,
                                              std::optional<task<void>> condition) {
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
        co_await to->tell(message_type::prepare_launch, std::move(payload));
        if (condition) co_await std::move(*condition);
        answer = co_await to->ask(message_type::launch, encode(shim_protocol::sandbox_number{number}));
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
    auto launched = answer.as<shim_protocol::launched>();
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

task<void> native_runtime::signal(std::string container_id, int number) {
    const auto process = processes_.get(container_id);
    if (process->ended) throw error(errc::not_found, "container {} is not running", container_id);
    if (!process->is_orphan) {
        const auto to = connection_;
        try {
            if (!to || to->is_lost()) throw error(errc::unavailable, "davit-shim has ended");
            co_await to->ask(message_type::signal, encode(shim_protocol::signal_request{container_id, number, false}));
            co_return;
        } catch (const error& e) {
            if (e.category() != errc::unavailable || (to && !to->is_lost())) throw;
        }
        orphan(process->connection); // The shim went away just now: its containers have not
        if (process->ended) throw error(errc::not_found, "container {} is not running", container_id);
    }
    signal_orphan(*process, number);
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
    co_return take_streams(answer.as<shim_protocol::streams>().streams, answer.descriptors);
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
