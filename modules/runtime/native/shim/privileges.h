#pragma once

#include <cstdint>
#include <string>

#include "modules/runtime/native/shim/user_lookup.h"

namespace davit::shim {

/// Takes the identity and the rights of the container's process, for good: groups, uid and gid, capabilities (bounding
/// as given; permitted and effective the same for uid 0 and none for others; inheritable and ambient empty),
/// no_new_privs when asked, and the seccomp filter (struct sock_filter[] as bytes; may be empty).
void take_privileges(const identity& who, std::uint64_t bounding, bool no_new_privileges, const std::string& filter);

} // namespace davit::shim
