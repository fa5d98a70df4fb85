#include "cli/attached.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include "cli/terminal.h"
#include "core/scope.h"
#include "io/descriptor.h"
#include "io/poll.h"
#include "io/signals.h"

namespace davit::cli {

namespace {

void write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (written < 0) throw error::system(errno, "writing the container's output");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

/// Standard input, opened anew: making it non-blocking must not change it for the programs that share it.
class input_reader {
  public:
    input_reader() {
        io::descriptor own{::open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
        // A socket can't be opened by name.
        if (!own) own = io::descriptor{::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)};
        if (own) input_ = std::make_unique<io::pollable>(std::move(own));
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
};

} // namespace

void output_writer::write_payload(std::string_view bytes) {
    const bool is_error = from_ == 2;
    if (is_error ? wants_.standard_error : wants_.standard_output) write_all(is_error ? 2 : 1, bytes);
}

void output_writer::write(std::string_view bytes) {
    if (wants_.is_tty) {
        write_all(1, bytes);
        return;
    }
    while (!bytes.empty()) {
        if (left_ > 0) {
            const std::size_t step = std::min(left_, bytes.size());
            write_payload(bytes.substr(0, step));
            bytes.remove_prefix(step);
            left_ -= step;
            continue;
        }
        const std::size_t step = std::min<std::size_t>(8 - head_.size(), bytes.size());
        head_ += bytes.substr(0, step);
        bytes.remove_prefix(step);
        if (head_.size() < 8) return;
        from_ = static_cast<unsigned char>(head_[0]);
        for (std::size_t i = 4; i < 8; ++i) left_ = (left_ << 8) | static_cast<unsigned char>(head_[i]);
        head_.clear();
    }
}

namespace {

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

task<void> proxy_signals(engine& api, std::string container, bool forwards) {
    if (!forwards) co_return;
    io::signal_watch signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT};
    for (;;) {
        const int number = co_await signals.next();
        try {
            co_await api.post(fmt::format("/containers/{}/kill?signal={}", encoded(container), number));
        } catch (const engine_error&) {
        } // it may just have ended
    }
}

task<void> follow_terminal_size(engine& api, std::string container) {
    io::signal_watch changes{SIGWINCH};
    for (;;) {
        const terminal_size size = size_of_terminal(STDOUT_FILENO);
        if (size.rows != 0) {
            try {
                co_await api.post(
                    fmt::format("/containers/{}/resize?h={}&w={}", encoded(container), size.rows, size.columns));
            } catch (const engine_error&) {
            }
        }
        co_await changes.next();
    }
}

} // namespace

task<void> run_attached(engine& api, io::stream& with, attachment_options options) {
    std::unique_ptr<raw_mode> raw;
    if (options.streams.is_tty && options.streams.standard_input && is_terminal(STDIN_FILENO))
        raw = std::make_unique<raw_mode>(STDIN_FILENO);
    co_await with_scope([&](scope& beside) -> task<void> {
        if (options.streams.is_tty) beside.spawn(follow_terminal_size(api, options.container));
        beside.spawn(proxy_signals(api, options.container, options.proxies_signals));
        if (options.streams.standard_input) beside.spawn(copy_input(with));
        co_await copy_output(with, options.streams);
        beside.cancel();
    });
}

} // namespace davit::cli
