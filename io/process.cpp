#include "io/process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "core/scope.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace davit::io {

namespace {

struct pipe_ends {
    descriptor reads;
    descriptor writes;
};

pipe_ends make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw error::system(errno, "making a pipe");
    return {descriptor{ends[0]}, descriptor{ends[1]}};
}

/// What posix_spawn(3) is told, in C++'s terms.
class spawn_plan {
  public:
    spawn_plan() {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
    }
    spawn_plan(const spawn_plan&) = delete;
    spawn_plan& operator=(const spawn_plan&) = delete;
    ~spawn_plan() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    /// The child's descriptor `theirs` will be a copy of `ours`.
    void pass(int ours, int theirs) {
        highest_ = std::max(highest_, theirs);
        passed_.emplace_back(ours, theirs);
    }

    pid_t spawn(const process_options& options) {
        // The sources go where no target is, so that none is overwritten before it was copied.
        std::vector<descriptor> sources;
        for (const auto& [ours, theirs] : passed_) {
            descriptor copy{::fcntl(ours, F_DUPFD_CLOEXEC, highest_ + 1)};
            if (!copy) throw error::system(errno, "passing descriptor {} to {}", ours, options.argv[0]);
            ::posix_spawn_file_actions_adddup2(&actions_, copy.get(), theirs);
            sources.push_back(std::move(copy));
        }
        for (int fd = 3; fd <= highest_; ++fd)
            if (std::ranges::none_of(passed_, [&](const auto& p) { return p.second == fd; }))
                ::posix_spawn_file_actions_addclose(&actions_, fd);
        ::posix_spawn_file_actions_addclosefrom_np(&actions_, highest_ + 1);
        ::posix_spawn_file_actions_addchdir_np(&actions_, options.working_directory.c_str());

        short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
        if (options.new_session) flags |= POSIX_SPAWN_SETSID;
        sigset_t all;
        sigset_t none;
        ::sigfillset(&all);
        ::sigemptyset(&none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setflags(&attributes_, flags);

        const auto argv = pointers_to(options.argv);
        const auto environment = pointers_to(options.environment);
        pid_t pid = -1;
        if (const int failed =
                ::posix_spawnp(&pid, options.argv[0].c_str(), &actions_, &attributes_, argv.data(), environment.data()))
            throw error::system(failed, "starting {} in {}", options.argv[0], options.working_directory);
        return pid;
    }

  private:
    /// The array of C strings that execve(2) takes; it does not write to them.
    static std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
        std::vector<char*> result;
        for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
        result.push_back(nullptr);
        return result;
    }

    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
    std::vector<std::pair<int, int>> passed_;
    int highest_ = 2;
};

/// Sets up one standard descriptor; gives the child's end to `kept` until it was started, and ours to `ours`.
void set_stdio(spawn_plan& plan, int number, const stdio_choice& choice, std::vector<descriptor>& kept,
               std::unique_ptr<stream>& ours) {
    if (const auto* given = std::get_if<to_descriptor>(&choice)) {
        plan.pass(given->fd, number);
        return;
    }
    if (std::holds_alternative<to_null>(choice)) {
        descriptor null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
        if (!null) throw error::system(errno, "opening /dev/null");
        plan.pass(null.get(), number);
        kept.push_back(std::move(null));
        return;
    }
    pipe_ends pipe = make_pipe();
    descriptor& theirs = number == 0 ? pipe.reads : pipe.writes;
    plan.pass(theirs.get(), number);
    kept.push_back(std::move(theirs));
    ours = number == 0 ? std::make_unique<fd_stream>(descriptor{}, std::move(pipe.writes))
                       : std::make_unique<fd_stream>(std::move(pipe.reads), descriptor{});
}

process_exit exit_of(const siginfo_t& info) noexcept {
    if (info.si_code == CLD_EXITED) return {.code = info.si_status, .signal = 0};
    return {.code = 128 + info.si_status, .signal = info.si_status};
}

} // namespace

process::process(process_options options) {
    if (options.argv.empty() || options.argv[0].empty()) throw error(errc::invalid, "a process needs a program to run");
    spawn_plan plan;
    std::vector<descriptor> kept;
    set_stdio(plan, 0, options.standard_input, kept, standard_input);
    set_stdio(plan, 1, options.standard_output, kept, standard_output);
    set_stdio(plan, 2, options.standard_error, kept, standard_error);
    for (const auto& passed : options.descriptors) plan.pass(passed.ours, passed.theirs);
    pid_ = plan.spawn(options);
    // Ours and not reaped yet, so the number is still its own.
    descriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))};
    if (!pidfd) {
        const int failed = errno;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        throw error::system(failed, "holding the process of {}", options.argv[0]);
    }
    pidfd_ = std::make_unique<pollable>(std::move(pidfd));
}

process::~process() {
    if (!pidfd_ || ended_) return;
    kill(SIGKILL);
    siginfo_t info{};
    while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_->fd()), &info, WEXITED) != 0 &&
           (errno == EINTR || errno == EAGAIN)) {
        // A non-blocking pidfd answers EAGAIN (waitid(2)); wait for its readiness instead.
        pollfd ended{.fd = pidfd_->fd(), .events = POLLIN, .revents = 0};
        ::poll(&ended, 1, -1);
    }
}

bool process::try_reap() {
    siginfo_t info{};
    if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_->fd()), &info, WEXITED | WNOHANG) != 0) {
        if (errno == EINTR || errno == EAGAIN) return false;
        throw error::system(errno, "waiting for process {}", pid_);
    }
    if (info.si_pid == 0) return false;
    ended_ = exit_of(info);
    return true;
}

task<process_exit> process::wait() {
    while (pidfd_ && !ended_ && !try_reap()) co_await pidfd_->readable();
    co_return ended_.value_or(process_exit{});
}

void process::kill(int signal) noexcept {
    if (pidfd_ && !ended_) ::syscall(SYS_pidfd_send_signal, pidfd_->fd(), signal, nullptr, 0);
}

void process::release() noexcept {
    pidfd_.reset();
}

namespace {

task<void> feed(process* child, const std::string* input) {
    try {
        co_await child->standard_input->write(as_bytes(*input));
    } catch (const error& e) {
        if (e.category() != errc::unavailable) throw; // it may end without reading all
    }
    child->standard_input.reset();
}

task<void> collect(stream* from, std::string* into, std::size_t limit) {
    std::vector<std::byte> piece(16 * 1024);
    for (;;) {
        const std::size_t got = co_await from->read(piece);
        if (got == 0) co_return;
        if (into->size() + got > limit)
            throw error(errc::too_large, "a process has written more than the {} bytes that are taken", limit);
        into->append(reinterpret_cast<const char*>(piece.data()), got);
    }
}

} // namespace

task<process_output> run_process(process_options options, std::string input, std::size_t limit) {
    options.standard_input = options.standard_output = options.standard_error = to_pipe{};
    const std::string program = options.argv.empty() ? std::string{} : options.argv[0];
    process_output output;
    try {
        output.exit = co_await with_process(std::move(options), [&](process& child) -> task<void> {
            co_await with_scope([&](scope& pipes) -> task<void> {
                pipes.spawn(feed(&child, &input));
                pipes.spawn(collect(child.standard_output.get(), &output.standard_output, limit));
                pipes.spawn(collect(child.standard_error.get(), &output.standard_error, limit));
                co_return;
            });
        });
    } catch (error& e) {
        e.while_doing("running {}", program);
        throw;
    }
    co_return output;
}

} // namespace davit::io
