#include "modules/runtime/native/capabilities.h"

#include <cctype>
#include <iterator>
#include <sys/prctl.h>

#include "core/error.h"

namespace davit {
namespace {

// In the order of their numbers (linux/capability.h).
constexpr std::string_view names[] = {"CHOWN",
                                      "DAC_OVERRIDE",
                                      "DAC_READ_SEARCH",
                                      "FOWNER",
                                      "FSETID",
                                      "KILL",
                                      "SETGID",
                                      "SETUID",
                                      "SETPCAP",
                                      "LINUX_IMMUTABLE",
                                      "NET_BIND_SERVICE",
                                      "NET_BROADCAST",
                                      "NET_ADMIN",
                                      "NET_RAW",
                                      "IPC_LOCK",
                                      "IPC_OWNER",
                                      "SYS_MODULE",
                                      "SYS_RAWIO",
                                      "SYS_CHROOT",
                                      "SYS_PTRACE",
                                      "SYS_PACCT",
                                      "SYS_ADMIN",
                                      "SYS_BOOT",
                                      "SYS_NICE",
                                      "SYS_RESOURCE",
                                      "SYS_TIME",
                                      "SYS_TTY_CONFIG",
                                      "MKNOD",
                                      "LEASE",
                                      "AUDIT_WRITE",
                                      "AUDIT_CONTROL",
                                      "SETFCAP",
                                      "MAC_OVERRIDE",
                                      "MAC_ADMIN",
                                      "SYSLOG",
                                      "WAKE_ALARM",
                                      "BLOCK_SUSPEND",
                                      "AUDIT_READ",
                                      "PERFMON",
                                      "BPF",
                                      "CHECKPOINT_RESTORE"};

std::string normalised(std::string_view name) {
    std::string upper;
    for (const char c : name) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (upper.rfind("CAP_", 0) == 0) upper.erase(0, 4);
    return upper;
}

bool is_all(std::string_view name) {
    return normalised(name) == "ALL";
}

std::uint64_t bit_of(const std::string& name, const char* list) {
    const auto number = capability_number(name);
    if (!number) throw error(errc::invalid, "invalid {}: unknown capability: \"CAP_{}\"", list, normalised(name));
    return std::uint64_t{1} << *number;
}

} // namespace

std::optional<int> capability_number(std::string_view name) {
    const auto wanted = normalised(name);
    for (std::size_t i = 0; i < std::size(names); ++i)
        if (names[i] == wanted) return static_cast<int>(i);
    return std::nullopt;
}

std::string capability_name(int number) {
    if (number < 0 || static_cast<std::size_t>(number) >= std::size(names)) return fmt::format("CAP_{}", number);
    return fmt::format("CAP_{}", names[static_cast<std::size_t>(number)]);
}

std::uint64_t default_capability_bits() {
    static const std::uint64_t bits = [] {
        std::uint64_t all = 0;
        for (const char* name : {"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID",
                                 "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"})
            all |= std::uint64_t{1} << capability_number(name).value();
        return all;
    }();
    return bits;
}

std::uint64_t choose_capabilities(const std::vector<std::string>& add, const std::vector<std::string>& drop,
                                  bool is_privileged, std::uint64_t held, std::vector<std::string>& warnings) {
    std::uint64_t added = 0;
    std::uint64_t dropped = 0;
    bool adds_all = false;
    bool drops_all = false;
    for (const auto& name : drop) {
        if (is_all(name))
            drops_all = true;
        else
            dropped |= bit_of(name, "CapDrop");
    }
    for (const auto& name : add) {
        if (is_all(name)) {
            adds_all = true;
            continue;
        }
        const auto bit = bit_of(name, "CapAdd");
        added |= bit;
        if ((bit & held) == 0)
            warnings.push_back(fmt::format("{} is not available on this host and was left out",
                                           capability_name(*capability_number(name))));
    }
    if (is_privileged) return held;
    auto chosen = default_capability_bits();
    // As Docker reads the two lists together: with ALL added, what is dropped by name is taken away from all; with ALL
    // dropped, only what is added by name is there.
    if (adds_all)
        chosen = ~dropped | added;
    else if (drops_all)
        chosen = added;
    else
        chosen = (chosen & ~dropped) | added;
    return chosen & held;
}

std::uint64_t held_capabilities() {
    std::uint64_t held = 0;
    for (int number = 0; number < 64; ++number) {
        const int state = prctl(PR_CAPBSET_READ, number, 0, 0, 0);
        if (state < 0) break; // Past the last one that this kernel knows
        if (state == 1) held |= std::uint64_t{1} << number;
    }
    return held;
}

} // namespace davit
