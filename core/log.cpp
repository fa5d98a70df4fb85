#include "core/log.h"

#include <cstdio>

namespace davit::log {

namespace {

void to_standard_error(level, std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::fputc('\n', stderr);
}

sink receiver = to_standard_error;
level lowest = level::warn;

} // namespace

void set_sink(sink to, level from) noexcept {
    receiver = to ? to : to_standard_error;
    lowest = from;
}

bool is_enabled(level of) noexcept {
    return of >= lowest;
}

void write(level of, std::string_view text) {
    std::string line;
    line.reserve(text.size());
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
            line += c;
    }
    receiver(of, line);
}

} // namespace davit::log
