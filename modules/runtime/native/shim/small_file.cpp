#include "modules/runtime/native/shim/small_file.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace davit::shim {

int write_file(const std::string& path, std::string_view text) {
    const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return errno;
    const auto count = write(file, text.data(), text.size());
    const int number = count < 0 ? errno : 0;
    close(file);
    return number;
}

std::optional<std::string> read_file(const std::string& path, std::size_t most) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return std::nullopt;
    constexpr std::size_t block = 4096;
    std::string text;
    ssize_t count = 1;
    while (text.size() < most && count > 0) {
        const auto had = text.size();
        text.resize(had + block);
        count = read(file, text.data() + had, block);
        text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }
    close(file);
    if (text.size() > most) text.resize(most);
    return text;
}

namespace {

long long microseconds_of(clockid_t clock) {
    timespec now{};
    // Not by the vdso: the first call in each sandbox would put its pages there, and on a virtual machine without
    // hardware page tables that takes 0.2 ms.
    syscall(SYS_clock_gettime, clock, &now);
    return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
}

} // namespace

long long monotonic_microseconds() {
    return microseconds_of(CLOCK_MONOTONIC);
}
long long boot_microseconds() {
    return microseconds_of(CLOCK_BOOTTIME);
}
long long epoch_microseconds() {
    return microseconds_of(CLOCK_REALTIME);
}

} // namespace davit::shim
