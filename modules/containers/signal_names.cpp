#include "modules/containers/signal_names.h"

#include <array>
#include <charconv>
#include <csignal>
#include <optional>
#include <string>

#include "core/error.h"

namespace davit {

namespace {

struct named_signal {
    std::string_view name;
    int number;
};

constexpr std::array known_signals = {
    named_signal{"HUP", SIGHUP},       named_signal{"INT", SIGINT},       named_signal{"QUIT", SIGQUIT},
    named_signal{"ILL", SIGILL},       named_signal{"TRAP", SIGTRAP},     named_signal{"ABRT", SIGABRT},
    named_signal{"IOT", SIGABRT},      named_signal{"BUS", SIGBUS},       named_signal{"FPE", SIGFPE},
    named_signal{"KILL", SIGKILL},     named_signal{"USR1", SIGUSR1},     named_signal{"SEGV", SIGSEGV},
    named_signal{"USR2", SIGUSR2},     named_signal{"PIPE", SIGPIPE},     named_signal{"ALRM", SIGALRM},
    named_signal{"TERM", SIGTERM},     named_signal{"STKFLT", SIGSTKFLT}, named_signal{"CHLD", SIGCHLD},
    named_signal{"CLD", SIGCHLD},      named_signal{"CONT", SIGCONT},     named_signal{"STOP", SIGSTOP},
    named_signal{"TSTP", SIGTSTP},     named_signal{"TTIN", SIGTTIN},     named_signal{"TTOU", SIGTTOU},
    named_signal{"URG", SIGURG},       named_signal{"XCPU", SIGXCPU},     named_signal{"XFSZ", SIGXFSZ},
    named_signal{"VTALRM", SIGVTALRM}, named_signal{"PROF", SIGPROF},     named_signal{"WINCH", SIGWINCH},
    named_signal{"IO", SIGIO},         named_signal{"POLL", SIGIO},       named_signal{"PWR", SIGPWR},
    named_signal{"SYS", SIGSYS},
};

// The kernel's numbers; the C library keeps two of the real-time signals for itself, and no container sees that.
constexpr int first_real_time = 34;
constexpr int last_real_time = 64;

std::optional<int> parse_number(std::string_view text) {
    int number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<int> real_time(std::string_view name) {
    const bool from_first = name.starts_with("RTMIN");
    if (!from_first && !name.starts_with("RTMAX")) return std::nullopt;
    name.remove_prefix(5);
    int distance = 0;
    if (!name.empty()) {
        if (name.front() != (from_first ? '+' : '-') || name.size() < 2) return std::nullopt;
        const auto parsed = parse_number(name.substr(1));
        if (!parsed || *parsed < 0 || *parsed > last_real_time - first_real_time) return std::nullopt;
        distance = *parsed;
    }
    return from_first ? first_real_time + distance : last_real_time - distance;
}

} // namespace

int parse_signal(std::string_view text) {
    if (const auto number = parse_number(text)) {
        if (*number >= 1 && *number <= last_real_time) return *number;
        throw error(errc::invalid, "invalid signal: {}", text);
    }
    std::string name;
    for (const char c : text) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    std::string_view plain = name;
    if (plain.starts_with("SIG")) plain.remove_prefix(3);
    for (const named_signal& known : known_signals)
        if (known.name == plain) return known.number;
    if (const auto number = real_time(plain)) return *number;
    throw error(errc::invalid, "invalid signal: {}", text);
}

} // namespace davit
