#include "modules/runtime/native/shim/privileges.h"

#include <cerrno>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "modules/runtime/native/shim/launch_error.h"

namespace davit::shim {
namespace {

constexpr std::uint64_t bit(int capability) {
    return std::uint64_t{1} << capability;
}

/// capget(2) and capset(2) by hand: libcap is not needed for four words.
std::uint64_t permitted_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    if (syscall(SYS_capget, &header, data) < 0) fail(failure_kind::internal, errno, "reading the capabilities");
    return data[0].permitted | static_cast<std::uint64_t>(data[1].permitted) << 32;
}

void set_capabilities(std::uint64_t effective, std::uint64_t permitted) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    data[0].effective = static_cast<std::uint32_t>(effective);
    data[0].permitted = static_cast<std::uint32_t>(permitted);
    data[1].effective = static_cast<std::uint32_t>(effective >> 32);
    data[1].permitted = static_cast<std::uint32_t>(permitted >> 32);
    if (syscall(SYS_capset, &header, data) < 0) fail(failure_kind::internal, errno, "setting the capabilities");
}

void install_filter(const std::string& filter) {
    if (filter.empty()) return;
    if (filter.size() % sizeof(sock_filter) != 0 || filter.size() / sizeof(sock_filter) > BPF_MAXINSNS)
        fail(failure_kind::invalid, 0, "the seccomp filter is no filter");
    sock_fprog program{static_cast<unsigned short>(filter.size() / sizeof(sock_filter)),
                       reinterpret_cast<sock_filter*>(const_cast<char*>(filter.data()))};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        fail(failure_kind::internal, errno, "installing the seccomp filter");
}

} // namespace

void take_privileges(const identity& who, std::uint64_t bounding, bool no_new_privileges, const std::string& filter) {
    for (int capability = 0; capability < 64; ++capability) {
        if ((bounding & bit(capability)) != 0) continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
        if (errno == EINVAL) break; // Past the last one that this kernel knows
        fail(failure_kind::internal, errno, "dropping capability %d", capability);
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        fail(failure_kind::internal, errno, "clearing the ambient capabilities");
    if (syscall(SYS_setgroups, who.groups.size(), who.groups.data()) < 0)
        fail(failure_kind::internal, errno, "setting the supplementary groups");
    if (syscall(SYS_setresgid, who.gid, who.gid, who.gid) < 0)
        fail(failure_kind::internal, errno, "becoming group %u", who.gid);
    // The filter needs CAP_SYS_ADMIN (or no_new_privs) while it is installed, so what is permitted outlives the change
    // of the user by a few lines.
    const auto held = permitted_capabilities();
    if (who.uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        fail(failure_kind::internal, errno, "keeping capabilities for the filter");
    if (syscall(SYS_setresuid, who.uid, who.uid, who.uid) < 0)
        fail(failure_kind::internal, errno, "becoming user %u", who.uid);
    if (who.uid != 0) {
        if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0) fail(failure_kind::internal, errno, "not keeping capabilities");
        set_capabilities(held & bit(CAP_SYS_ADMIN), held & bit(CAP_SYS_ADMIN));
        // A change of the user makes a process dumpable again, and it is not in the open yet.
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
    if (no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        fail(failure_kind::internal, errno, "setting no_new_privs");
    const auto kept = who.uid == 0 ? held & bounding : 0;
    if (no_new_privileges) {
        set_capabilities(kept, kept);
        install_filter(filter);
    } else {
        install_filter(filter);
        set_capabilities(kept, kept);
    }
}

} // namespace davit::shim
