#include "cli/terminal.h"

#include <csignal>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/command.h"

namespace davit::cli {

namespace {

// One terminal a process; a signal handler can reach nothing else.
volatile std::sig_atomic_t changed_terminal = -1;
termios terminal_before{};

void restore() noexcept {
    if (changed_terminal < 0) return;
    ::tcsetattr(static_cast<int>(changed_terminal), TCSANOW, &terminal_before);
    changed_terminal = -1;
}

void restore_and_end(int number) noexcept {
    restore();
    ::signal(number, SIG_DFL);
    ::raise(number);
}

} // namespace

bool is_terminal(int fd) noexcept {
    return ::isatty(fd) == 1;
}

void require_terminal() {
    if (!is_terminal(STDIN_FILENO)) throw exit_error(1, "the input device is not a TTY");
}

terminal_size size_of_terminal(int fd) noexcept {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return {};
    return {size.ws_row, size.ws_col};
}

raw_mode::raw_mode(int fd) {
    if (::tcgetattr(fd, &terminal_before) != 0) return;
    termios raw = terminal_before;
    ::cfmakeraw(&raw);
    changed_terminal = fd;
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
        if (struct sigaction now{}; ::sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_DFL)
            ::signal(number, restore_and_end); // who watches or ignores it goes on doing so
    ::tcsetattr(fd, TCSANOW, &raw);
}

raw_mode::~raw_mode() {
    restore();
}

} // namespace davit::cli
