#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace davit::shim {

struct identity {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups; ///< Supplementary, with `gid` among them
    std::string home = "/";
};

/// Looks Docker's user[:group] up in /etc/passwd and /etc/group of the root that this process has entered. All digits
/// are a number, never a name. The files must be regular and of bounded size; they are read as a stream.
identity look_up(const std::string& user, const std::vector<std::string>& additional_groups);

} // namespace davit::shim
