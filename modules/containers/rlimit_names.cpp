#include "modules/containers/rlimit_names.h"

#include <array>
#include <string_view>
#include <sys/resource.h>

#include "core/error.h"

namespace davit {

namespace {

struct named_limit {
    std::string_view name;
    int resource;
};

constexpr std::array known_limits = {
    named_limit{"core", RLIMIT_CORE},         named_limit{"cpu", RLIMIT_CPU},
    named_limit{"data", RLIMIT_DATA},         named_limit{"fsize", RLIMIT_FSIZE},
    named_limit{"locks", RLIMIT_LOCKS},       named_limit{"memlock", RLIMIT_MEMLOCK},
    named_limit{"msgqueue", RLIMIT_MSGQUEUE}, named_limit{"nice", RLIMIT_NICE},
    named_limit{"nofile", RLIMIT_NOFILE},     named_limit{"nproc", RLIMIT_NPROC},
    named_limit{"rss", RLIMIT_RSS},           named_limit{"rtprio", RLIMIT_RTPRIO},
    named_limit{"rttime", RLIMIT_RTTIME},     named_limit{"sigpending", RLIMIT_SIGPENDING},
    named_limit{"stack", RLIMIT_STACK},
};

std::uint64_t limit_value(const ulimit_config& limit, std::int64_t value) {
    if (value < -1) throw error(errc::invalid, "ulimit {} can't be {}", limit.name, value);
    return value == -1 ? RLIM_INFINITY : static_cast<std::uint64_t>(value);
}

} // namespace

rlimit_plan to_rlimit(const ulimit_config& limit) {
    for (const named_limit& known : known_limits) {
        if (known.name != limit.name) continue;
        const rlimit_plan plan{known.resource, limit_value(limit, limit.soft), limit_value(limit, limit.hard)};
        if (plan.soft > plan.hard)
            throw error(errc::invalid, "ulimit soft limit must be less than or equal to hard limit: {} > {}",
                        limit.soft, limit.hard);
        return plan;
    }
    throw error(errc::invalid, "invalid ulimit type: {}", limit.name);
}

} // namespace davit
