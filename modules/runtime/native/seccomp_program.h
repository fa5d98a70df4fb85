#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace davit {

/// What a filter says of a call whose arguments decide: allowed when any of the tests holds, EPERM otherwise. Tests
/// look at the low 32 bits of an argument: those that filters ask about are ints to the kernel, which drops the rest.
struct argument_test {
    enum class comparison : std::uint8_t { below, equal, above, no_bit_of };
    comparison how = comparison::equal;
    unsigned argument = 0;
    std::uint32_t value = 0;

    bool operator==(const argument_test&) const = default;
};

/// What happens to one call.
struct call_verdict {
    enum class kind : std::uint8_t { refused, allowed, not_implemented, conditional };
    kind is = kind::refused;
    std::vector<argument_test> tests; ///< Where it is conditional

    bool operator==(const call_verdict&) const = default;
};

/// The verdicts on one architecture's calls, by number. Numbers that are not in it are refused with EPERM, those from
/// `first_unknown` on answer ENOSYS, as on a kernel that lacks them.
struct architecture_verdicts {
    std::uint32_t audit_architecture = 0; ///< AUDIT_ARCH_*
    std::map<std::uint32_t, call_verdict> calls;
    std::uint32_t first_unknown = 0;
};

/// Assembles a classic BPF program (struct sock_filter[] as bytes) from the verdicts of several architectures; a call
/// of any other architecture is refused. Neighbours with one verdict become a range, ranges a balanced tree: a launch
/// pays for every instruction (the kernel translates the program each time it is installed), and the kernel remembers
/// which calls are always allowed, so that those cost nothing later.
std::string assemble_seccomp(const std::vector<architecture_verdicts>& architectures);

} // namespace davit
