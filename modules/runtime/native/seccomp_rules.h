#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "modules/runtime/native/seccomp_program.h"

namespace davit {

/// One rule of a seccomp profile: what some calls may do. A call that no rule matches gets EPERM.
struct seccomp_rule {
    enum class architectures : std::uint8_t { all, x86_only, arm_only };

    std::string_view calls; ///< Names, separated by blanks; those that a kernel or libseccomp doesn't know are left out
    std::optional<argument_test> test{}; ///< Must hold; several rules on one call are alternatives
    architectures on = architectures::all;
    bool answers_not_implemented = false; ///< ENOSYS instead of leave
    int needs = -1;                       ///< For containers with this capability only
    int lacks = -1;                       ///< For containers without this capability only
};

/// Docker's default profile.
const std::vector<seccomp_rule>& default_seccomp_rules();

} // namespace davit
