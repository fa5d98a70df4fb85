#include "cli/attachment.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "api/types/container_inspect.h"
#include "api/types/wait_response.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "core/scope.h"
#include "io/descriptor.h"
#include "io/poll.h"
#include "io/signals.h"

namespace davit::cli {

namespace {

/// Standard input, opened anew: making it non-blocking must not change it for the programs that share it.
class input_reader {
  public:
    input_reader() {
        io::descriptor own{::open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
        if (!own) { // a socket can't be opened by name: it is made blocking again at the end
            flags_ = ::fcntl(STDIN_FILENO, F_GETFL);
            own = io::descriptor{::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)};
        }
        if (own) input_ = std::make_unique<io::pollable>(std::move(own));
    }
    input_reader(const input_reader&) = delete;
    input_reader& operator=(const input_reader&) = delete;
    ~input_reader() {
        if (flags_ >= 0) ::fcntl(STDIN_FILENO, F_SETFL, flags_);
    }

    /// Nothing at the end. A file is always ready, so that EAGAIN, and waiting, happen only where it can be awaited.
    task<std::string> read() {
        std::array<char, 32768> buffer{};
        while (input_) {
            const ssize_t got = ::read(input_->fd(), buffer.data(), buffer.size());
            if (got >= 0) co_return std::string{buffer.data(), static_cast<std::size_t>(got)};
            if (errno == EAGAIN)
                co_await input_->readable();
            else if (errno != EINTR)
                break; // a terminal that has gone (EIO)
        }
        co_return std::string{};
    }

  private:
    std::unique_ptr<io::pollable> input_;
    int flags_ = -1; ///< To be set again, of an input that others share
};

task<void> copy_output(io::stream& from, attached_streams wants) {
    output_writer writer{wants};
    std::vector<std::byte> buffer(64 * 1024);
    for (;;) {
        const std::size_t got = co_await from.read(buffer);
        if (got == 0) co_return;
        writer.write({reinterpret_cast<const char*>(buffer.data()), got});
    }
}

task<void> copy_input(io::stream& to) {
    input_reader reader;
    for (;;) {
        const std::string typed = co_await reader.read();
        try {
            if (typed.empty()) {
                co_await to.shutdown_write();
                co_return;
            }
            co_await to.write(io::as_bytes(typed));
        } catch (const error& e) {
            if (e.category() == errc::cancelled) throw;
            co_return; // the container has ended; its output says the rest
        }
    }
}

/// Passes signals on. Whoever asks a third time to end it wants this program to end, whatever the container does.
task<void> proxy_signals(engine& api, std::string container, io::signal_watch& signals) {
    for (int demands = 0;;) {
        const int number = co_await signals.next();
        if ((number == SIGINT || number == SIGTERM) && ++demands == 3)
            throw exit_error(1, "\ngot 3 SIGTERM/SIGINTs, forcefully exiting");
        try {
            co_await api.post(fmt::format("/containers/{}/kill?signal={}", container, number));
        } catch (const engine_error&) {
        } // it may just have ended
    }
}

task<void> resize(engine& api, std::string container, terminal_size size) {
    if (size.rows == 0) co_return;
    try {
        co_await api.post(fmt::format("/containers/{}/resize?h={}&w={}", container, size.rows, size.columns));
    } catch (const engine_error&) {
    }
}

/// Makes the container's terminal as large as this one. A program that runs draws anew when the size changes, so
/// whoever joins it gives a wrong size first.
task<void> follow_terminal_size(engine& api, std::string container, bool draws_anew) {
    io::signal_watch changes{SIGWINCH};
    for (;;) {
        const terminal_size size = size_of_terminal(STDOUT_FILENO);
        if (draws_anew && size.rows != 0) {
            const terminal_size other{static_cast<std::uint16_t>(size.rows + 1),
                                      static_cast<std::uint16_t>(size.columns + 1)};
            co_await resize(api, container, other);
        }
        draws_anew = false;
        co_await resize(api, container, size);
        co_await changes.next();
    }
}

} // namespace

task<attachment> attachment::open(engine& api, attachment_options options) {
    const attached_streams& wants = options.streams;
    std::string path =
        fmt::format("/containers/{}/attach?stream=1&stdin={:d}&stdout={:d}&stderr={:d}", options.container,
                    wants.standard_input, wants.standard_output, wants.standard_error);
    if (!options.detach_keys.empty()) path += "&detachKeys=" + encoded(options.detach_keys);
    io::stream_ptr stream = co_await api.hijack(std::move(path));
    auto end = co_await api.open(io::http_method::post,
                                 fmt::format("/containers/{}/wait?condition={}", options.container, options.end));
    co_return attachment{api, std::move(options), std::move(stream), std::move(end)};
}

task<void> attachment::join_streams() {
    // Before the start, and before any output is shown: whoever has seen either may send a signal at once.
    std::unique_ptr<io::signal_watch> signals;
    if (options_.proxies_signals)
        signals = std::make_unique<io::signal_watch>(
            std::initializer_list<int>{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGALRM, SIGVTALRM,
                                       SIGPROF, SIGIO, SIGPWR, SIGXCPU, SIGXFSZ});
    co_await with_scope([&](scope& beside) -> task<void> {
        if (signals) beside.spawn(proxy_signals(*api_, options_.container, *signals));
        if (options_.starts) co_await api_->post(container_path(options_.container) + "/start");
        co_await show_streams();
        beside.cancel();
    });
}

task<void> attachment::show_streams() {
    const attached_streams& wants = options_.streams;
    std::unique_ptr<raw_mode> raw;
    if (wants.is_tty && wants.standard_input && is_terminal(STDIN_FILENO))
        raw = std::make_unique<raw_mode>(STDIN_FILENO);
    co_await with_scope([&](scope& beside) -> task<void> {
        if (wants.is_tty) beside.spawn(follow_terminal_size(*api_, options_.container, options_.is_joining));
        if (wants.standard_input) beside.spawn(copy_input(*stream_));
        co_await copy_output(*stream_, wants);
        beside.cancel();
    });
}

/// Only a terminal can be detached from.
task<bool> attachment::still_runs() {
    if (!options_.streams.is_tty || !options_.streams.standard_input) co_return false;
    try {
        const auto now =
            co_await api_->get<api::container_inspect>(fmt::format("/containers/{}/json", options_.container));
        co_return now.state.is_running;
    } catch (const engine_error&) { // removed meanwhile
        co_return false;
    }
}

task<attachment::ending> attachment::run() {
    co_await join_streams();
    if (co_await still_runs()) co_return ending{.is_detached = true};
    const auto status = io::parse<api::wait_response>(co_await end_.read_all(1u << 20), "the engine's answer");
    co_return ending{.exit_code = static_cast<int>(status.status_code)};
}

} // namespace davit::cli
