#include "modules/runtime/native/shim/launch_error.h"

#include <cctype>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <unistd.h>

#include "modules/runtime/native/shim/frames.h"

namespace davit::shim {
namespace {

int failure_channel = -1;

failure format_failure(failure_kind kind, int number, const char* format, va_list arguments) {
    char text[4096];
    std::vsnprintf(text, sizeof text, format, arguments);
    failure made{kind, number, text};
    if (number != 0) made.sentence += ": " + errno_text(number);
    return made;
}

} // namespace

std::string errno_text(int number) {
    const char* known = strerrordesc_np(number);
    if (known == nullptr) return "errno " + std::to_string(number);
    std::string text = known;
    // "Permission denied" becomes "permission denied"; "RPC …" keeps its capitals.
    if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0)
        text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

failure make_failure(failure_kind kind, int number, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    auto made = format_failure(kind, number, format, arguments);
    va_end(arguments);
    return made;
}

void report_failures_on(int channel) {
    failure_channel = channel;
}

void fail(failure_kind kind, int number, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const auto made = format_failure(kind, number, format, arguments);
    va_end(arguments);
    send_frame(failure_channel, shim_protocol::message_type::failed, shim_protocol::encode(made));
    _exit(1);
}

} // namespace davit::shim
