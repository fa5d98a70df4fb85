#include "modules/runtime/native/seccomp_profile.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <vector>

#include "core/error.h"
#include "modules/runtime/native/capabilities.h"
#include "modules/runtime/native/seccomp_rules.h"

namespace davit {
namespace {

constexpr std::uint32_t eperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t enosys = SECCOMP_RET_ERRNO | ENOSYS;

std::vector<sock_filter> instructions(const std::string& bytes) {
    std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
    std::memcpy(program.data(), bytes.data(), bytes.size());
    return program;
}

/// Runs a filter as the kernel would, on the few instructions that filters of this project use.
std::uint32_t run(const std::vector<sock_filter>& program, const seccomp_data& data) {
    std::uint32_t accumulator = 0;
    for (std::size_t at = 0; at < program.size(); ++at) {
        const auto& one = program[at];
        bool holds = false;
        switch (one.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + one.k, sizeof accumulator);
            continue;
        case BPF_RET | BPF_K:
            return one.k;
        case BPF_JMP | BPF_JA:
            at += one.k;
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            accumulator &= one.k;
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            holds = accumulator == one.k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            holds = accumulator >= one.k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            holds = accumulator > one.k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            holds = (accumulator & one.k) != 0;
            break;
        default:
            ADD_FAILURE() << "instruction " << one.code << " is not expected";
            return 0;
        }
        at += holds ? one.jt : one.jf;
    }
    ADD_FAILURE() << "the filter ran past its end";
    return 0;
}

seccomp_data call(std::uint32_t architecture, int number, std::uint64_t argument0 = 0) {
    seccomp_data data{};
    data.nr = number;
    data.arch = architecture;
    data.args[0] = argument0;
    return data;
}

std::uint32_t on_x86_64(const std::vector<sock_filter>& program, const char* name, std::uint64_t argument0 = 0) {
    return run(program, call(AUDIT_ARCH_X86_64, seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name), argument0));
}

TEST(seccomp_profile, sockets_that_reach_the_kernels_crypto_and_the_hypervisor_are_denied) {
    const auto program = instructions(compile_default_seccomp(default_capability_bits()));
    for (std::uint64_t family = 0; family < 64; ++family) {
        const auto expected = family == 38 || family == 40 ? eperm : SECCOMP_RET_ALLOW;
        EXPECT_EQ(on_x86_64(program, "socket", family), expected) << family;
        // The kernel takes an int: bits above it must not hide the family.
        EXPECT_EQ(on_x86_64(program, "socket", family | 1ULL << 32), expected) << family;
        EXPECT_EQ(run(program, call(AUDIT_ARCH_I386, 359, family)), expected) << family;
    }
}

TEST(seccomp_profile, namespaces_are_for_administrators) {
    const auto plain = instructions(compile_default_seccomp(default_capability_bits()));
    const auto administrator =
        instructions(compile_default_seccomp(default_capability_bits() | std::uint64_t{1} << CAP_SYS_ADMIN));
    EXPECT_EQ(on_x86_64(plain, "clone", 0x11), SECCOMP_RET_ALLOW);
    for (const std::uint64_t flag :
         {0x02000000u, 0x04000000u, 0x08000000u, 0x10000000u, 0x20000000u, 0x40000000u, 0x00020000u}) {
        EXPECT_EQ(on_x86_64(plain, "clone", flag | 0x11), eperm) << flag;
        EXPECT_EQ(on_x86_64(administrator, "clone", flag | 0x11), SECCOMP_RET_ALLOW) << flag;
    }
    EXPECT_EQ(on_x86_64(plain, "clone3"), enosys);
    EXPECT_EQ(on_x86_64(administrator, "clone3"), SECCOMP_RET_ALLOW);
    for (const char* name : {"unshare", "setns", "mount", "umount2", "fsopen", "fsmount", "move_mount", "open_tree",
                             "mount_setattr", "bpf", "perf_event_open"}) {
        EXPECT_EQ(on_x86_64(plain, name), eperm) << name;
        EXPECT_EQ(on_x86_64(administrator, name), SECCOMP_RET_ALLOW) << name;
    }
    for (const char* name : {"io_uring_setup", "io_uring_enter", "keyctl", "add_key", "userfaultfd", "kexec_load",
                             "open_by_handle_at", "init_module", "finit_module"})
        EXPECT_EQ(on_x86_64(plain, name), eperm) << name;
}

TEST(seccomp_profile, other_numberings_of_calls_are_no_way_around) {
    const auto program = instructions(compile_default_seccomp(default_capability_bits()));
    EXPECT_EQ(run(program, call(AUDIT_ARCH_I386, 21)), eperm);            // mount
    EXPECT_EQ(run(program, call(AUDIT_ARCH_I386, 310)), eperm);           // unshare
    EXPECT_EQ(run(program, call(AUDIT_ARCH_I386, 4)), SECCOMP_RET_ALLOW); // write
    // x32: the kernel's numbers with bit 30; to a container it does not exist.
    EXPECT_EQ(run(program, call(AUDIT_ARCH_X86_64, 0x40000000 | 165)), enosys);
    EXPECT_EQ(run(program, call(AUDIT_ARCH_X86_64, 0x40000000 | 1)), enosys);
    EXPECT_EQ(run(program, call(AUDIT_ARCH_AARCH64, 1)), eperm);
    EXPECT_EQ(run(program, call(AUDIT_ARCH_X86_64, -1)), enosys);
}

TEST(seccomp_profile, calls_that_the_profile_is_older_than_are_not_implemented) {
    const auto program = instructions(compile_default_seccomp(default_capability_bits()));
    for (const int number : {467, 468, 500, 1000}) {
        EXPECT_EQ(run(program, call(AUDIT_ARCH_X86_64, number)), enosys);
        EXPECT_EQ(run(program, call(AUDIT_ARCH_I386, number)), enosys);
    }
    EXPECT_EQ(run(program, call(AUDIT_ARCH_X86_64, 462)), SECCOMP_RET_ALLOW); // mseal
    EXPECT_EQ(run(program, call(AUDIT_ARCH_X86_64, 459)), eperm);             // lsm_get_self_attr
}

/// What libseccomp makes of the same rules.
std::vector<sock_filter> by_libseccomp(std::uint64_t capabilities, std::uint32_t architecture) {
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    seccomp_arch_remove(context, SCMP_ARCH_NATIVE);
    seccomp_arch_add(context, architecture);
    for (const auto& rule : default_seccomp_rules()) {
        const auto has = [&](int capability) { return (capabilities >> capability & 1) != 0; };
        if ((rule.needs >= 0 && !has(rule.needs)) || (rule.lacks >= 0 && has(rule.lacks)) ||
            rule.on == seccomp_rule::architectures::arm_only)
            continue;
        std::vector<scmp_arg_cmp> tests;
        if (rule.test) {
            using compare = argument_test::comparison;
            const auto& test = *rule.test;
            if (test.how == compare::below) tests.push_back({test.argument, SCMP_CMP_LT, test.value, 0});
            if (test.how == compare::equal) tests.push_back({test.argument, SCMP_CMP_EQ, test.value, 0});
            if (test.how == compare::above) tests.push_back({test.argument, SCMP_CMP_GT, test.value, 0});
            if (test.how == compare::no_bit_of) tests.push_back({test.argument, SCMP_CMP_MASKED_EQ, test.value, 0});
        }
        std::string left{rule.calls};
        while (!left.empty()) {
            const auto end = left.find(' ');
            const auto name = left.substr(0, end);
            left = end == std::string::npos ? "" : left.substr(end + 1);
            const int number = seccomp_syscall_resolve_name(name.c_str());
            if (name.empty() || number == __NR_SCMP_ERROR) continue;
            seccomp_rule_add_array(context, rule.answers_not_implemented ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW,
                                   number, static_cast<unsigned>(tests.size()), tests.data());
        }
    }
    FILE* file = std::tmpfile();
    seccomp_export_bpf(context, fileno(file));
    seccomp_release(context);
    std::string bytes(1 << 20, '\0');
    std::rewind(file);
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
    std::fclose(file);
    return instructions(bytes);
}

TEST(seccomp_program, calls_that_an_architecture_numbers_far_above_the_others_have_their_verdicts) {
    architecture_verdicts arm{AUDIT_ARCH_ARM, {}, 467};
    const auto set_tls = static_cast<std::uint32_t>(seccomp_syscall_resolve_name_arch(SCMP_ARCH_ARM, "set_tls"));
    ASSERT_EQ(set_tls, 0xf0005u);
    arm.calls[4].is = call_verdict::kind::allowed;
    arm.calls[set_tls].is = call_verdict::kind::allowed;
    const auto program = instructions(assemble_seccomp({arm}));
    const auto answer = [&](std::uint32_t number) {
        return run(program, call(AUDIT_ARCH_ARM, static_cast<int>(number)));
    };
    EXPECT_EQ(answer(set_tls), SECCOMP_RET_ALLOW);
    for (const std::uint32_t number : {467u, 1000u, set_tls - 1, set_tls + 1, 0x40000004u, 0xffffffffu})
        EXPECT_EQ(answer(number), enosys) << number;
    EXPECT_EQ(answer(4), SECCOMP_RET_ALLOW);
    for (const std::uint32_t number : {0u, 3u, 5u, 466u}) EXPECT_EQ(answer(number), eperm) << number;
}

TEST(seccomp_profile, says_of_every_call_what_libseccomp_says) {
    const auto defaults = default_capability_bits();
    const auto all = (std::uint64_t{1} << 41) - 1;
    for (const auto capabilities : {defaults, std::uint64_t{0}, all, defaults | std::uint64_t{1} << CAP_SYS_ADMIN,
                                    defaults | std::uint64_t{1} << CAP_SYS_PTRACE | std::uint64_t{1} << CAP_SYSLOG}) {
        const auto ours = instructions(compile_default_seccomp(capabilities));
        for (const auto& [token, audit] : {std::pair<std::uint32_t, std::uint32_t>{SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64},
                                           std::pair<std::uint32_t, std::uint32_t>{SCMP_ARCH_X86, AUDIT_ARCH_I386}}) {
            const auto theirs = by_libseccomp(capabilities, token);
            for (int number = 0; number < 457; ++number) {
                if (audit == AUDIT_ARCH_X86_64 && number == 335) continue; // uretprobe: newer than libseccomp
                for (const std::uint64_t argument :
                     {0ULL, 8ULL, 38ULL, 39ULL, 40ULL, 0x20008ULL, 0xffffffffULL, 0x10000000ULL, 0x11ULL})
                    ASSERT_EQ(run(ours, call(audit, number, argument)), run(theirs, call(audit, number, argument)))
                        << "call " << number << " argument " << argument << " capabilities " << capabilities << " arch "
                        << audit;
            }
        }
    }
}

TEST(seccomp_profile, is_compiled_once_for_what_it_looks_at) {
    seccomp_profiles profiles;
    const auto& first = profiles.get(default_capability_bits());
    EXPECT_EQ(&first, &profiles.get(default_capability_bits() & ~std::uint64_t{1}));
    EXPECT_NE(&first, &profiles.get(default_capability_bits() | std::uint64_t{1} << CAP_SYS_ADMIN));
}

TEST(capabilities, lists_are_read_as_docker_reads_them) {
    std::vector<std::string> warnings;
    const auto held = (std::uint64_t{1} << 41) - 1;
    const auto choose = [&](std::vector<std::string> add, std::vector<std::string> drop, bool privileged = false) {
        return choose_capabilities(add, drop, privileged, held, warnings);
    };
    EXPECT_EQ(choose({}, {}), 0xa80425fbu);
    EXPECT_EQ(choose({}, {"ALL"}), 0u);
    EXPECT_EQ(choose({"NET_ADMIN"}, {"all"}), std::uint64_t{1} << CAP_NET_ADMIN);
    EXPECT_EQ(choose({"cap_net_admin"}, {}), 0xa80425fbu | std::uint64_t{1} << CAP_NET_ADMIN);
    EXPECT_EQ(choose({"ALL"}, {"SYS_ADMIN"}), held & ~(std::uint64_t{1} << CAP_SYS_ADMIN));
    EXPECT_EQ(choose({}, {"CHOWN"}), 0xa80425fau);
    EXPECT_EQ(choose({}, {}, true), held);
    EXPECT_TRUE(warnings.empty());
    EXPECT_THROW(choose({"NO_SUCH"}, {}), error);
    EXPECT_THROW(choose({}, {"NO_SUCH"}), error);
    EXPECT_EQ(
        choose_capabilities({"SYS_RESOURCE"}, {}, false, held & ~(std::uint64_t{1} << CAP_SYS_RESOURCE), warnings),
        0xa80425fbu);
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_NE(warnings[0].find("CAP_SYS_RESOURCE"), std::string::npos);
}

} // namespace
} // namespace davit
