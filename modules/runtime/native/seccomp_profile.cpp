#include "modules/runtime/native/seccomp_profile.h"

#include <algorithm>
#include <linux/audit.h>
#include <optional>
#include <seccomp.h>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "modules/runtime/native/seccomp_program.h"
#include "modules/runtime/native/seccomp_rules.h"

namespace davit {
namespace {

struct architecture {
    std::uint32_t token; ///< SCMP_ARCH_*
    std::uint32_t audit; ///< AUDIT_ARCH_*
};
#if defined(__x86_64__)
constexpr bool is_x86 = true;
constexpr architecture native_architectures[] = {{SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64},
                                                 {SCMP_ARCH_X86, AUDIT_ARCH_I386}};
#elif defined(__aarch64__)
constexpr bool is_x86 = false;
constexpr architecture native_architectures[] = {{SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64},
                                                 {SCMP_ARCH_ARM, AUDIT_ARCH_ARM}};
#else
#error "the default seccomp profile is written for x86-64 and arm64"
#endif

/// The first number that the profile's authors did not know. From here on calls answer ENOSYS, so that programs which
/// try a new call fall back to an old one. Numbers of x32 (bit 30 of AUDIT_ARCH_X86_64's) lie above it too: to a
/// container the kernel has no x32, as most have not.
constexpr std::uint32_t first_unknown = 467;

struct numbered_call {
    std::string_view name;
    std::uint32_t number;
};

// From 424 on all architectures count alike. These are newer than the libseccomp of some hosts that we build on.
constexpr numbered_call newest_calls[] = {
    {"statmount", 457},        {"listmount", 458},    {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460},
    {"lsm_list_modules", 461}, {"mseal", 462},        {"setxattrat", 463},        {"getxattrat", 464},
    {"listxattrat", 465},      {"removexattrat", 466}};

#if defined(__x86_64__)
constexpr numbered_call newest_native_calls[] = {{"uretprobe", 335}};
// libseccomp knows these of i386 as parts of socketcall(2) and ipc(2) only; they have had numbers of their own
// since 4.3.
constexpr numbered_call direct_i386_calls[] = {
    {"recvmmsg", 337},    {"sendmmsg", 345},    {"socket", 359},  {"socketpair", 360}, {"bind", 361},
    {"connect", 362},     {"listen", 363},      {"accept4", 364}, {"getsockopt", 365}, {"setsockopt", 366},
    {"getsockname", 367}, {"getpeername", 368}, {"sendto", 369},  {"sendmsg", 370},    {"recvfrom", 371},
    {"recvmsg", 372},     {"shutdown", 373},    {"semget", 393},  {"semctl", 394},     {"shmget", 395},
    {"shmctl", 396},      {"shmat", 397},       {"shmdt", 398},   {"msgget", 399},     {"msgsnd", 400},
    {"msgrcv", 401},      {"msgctl", 402}};
#endif

template <std::size_t size>
std::optional<std::uint32_t> find_in(const numbered_call (&table)[size], std::string_view name) {
    const auto* at =
        std::find_if(std::begin(table), std::end(table), [&](const auto& call) { return call.name == name; });
    return at == std::end(table) ? std::nullopt : std::optional{at->number};
}

std::optional<std::uint32_t> number_of(const std::string& name, const architecture& on) {
    if (const auto number = find_in(newest_calls, name)) return number;
#if defined(__x86_64__)
    if (on.token == SCMP_ARCH_X86_64)
        if (const auto number = find_in(newest_native_calls, name)) return number;
    if (on.token == SCMP_ARCH_X86)
        if (const auto number = find_in(direct_i386_calls, name)) return number;
#endif
    const int number = seccomp_syscall_resolve_name_arch(on.token, name.c_str());
    // Negative: not known, or not a call of this architecture.
    return number < 0 ? std::nullopt : std::optional{static_cast<std::uint32_t>(number)};
}

bool applies(const seccomp_rule& rule, std::uint64_t capabilities) {
    const auto has = [&](int capability) { return (capabilities >> capability & 1) != 0; };
    if (rule.needs >= 0 && !has(rule.needs)) return false;
    if (rule.lacks >= 0 && has(rule.lacks)) return false;
    if (rule.on == seccomp_rule::architectures::x86_only) return is_x86;
    if (rule.on == seccomp_rule::architectures::arm_only) return !is_x86;
    return true;
}

/// Adds what a rule says of a call to what earlier rules said: allowed is allowed, tests are alternatives.
void add(call_verdict& verdict, const seccomp_rule& rule) {
    if (verdict.is == call_verdict::kind::allowed) return;
    if (rule.test) {
        verdict.is = call_verdict::kind::conditional;
        verdict.tests.push_back(*rule.test);
        return;
    }
    verdict = {rule.answers_not_implemented ? call_verdict::kind::not_implemented : call_verdict::kind::allowed, {}};
}

architecture_verdicts verdicts_on(const architecture& on, std::uint64_t capabilities) {
    architecture_verdicts all{on.audit, {}, first_unknown};
    for (const auto& rule : default_seccomp_rules()) {
        if (!applies(rule, capabilities)) continue;
        auto left = rule.calls;
        while (!left.empty()) {
            const auto end = left.find(' ');
            const std::string name{left.substr(0, end)};
            left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
            if (name.empty()) continue;
            if (const auto number = number_of(name, on)) add(all.calls[*number], rule);
        }
    }
    return all;
}

/// The capabilities that the rules ask about.
std::uint64_t relevant_capabilities() {
    std::uint64_t bits = 0;
    for (const auto& rule : default_seccomp_rules())
        for (const int capability : {rule.needs, rule.lacks})
            if (capability >= 0) bits |= std::uint64_t{1} << capability;
    return bits;
}

} // namespace

std::string compile_default_seccomp(std::uint64_t capabilities) {
    std::vector<architecture_verdicts> all;
    for (const auto& one : native_architectures) all.push_back(verdicts_on(one, capabilities));
    return assemble_seccomp(all);
}

const std::string& seccomp_profiles::get(std::uint64_t capabilities) {
    static const auto relevant = relevant_capabilities();
    const auto key = capabilities & relevant;
    const auto at = compiled_.find(key);
    if (at != compiled_.end()) return at->second;
    return compiled_.emplace(key, compile_default_seccomp(key)).first->second;
}

} // namespace davit
