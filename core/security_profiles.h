#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace davit {

/// What a container may do by default and how a request changes it, as values for a launch plan. Everything is decided
/// from the request alone: nothing that an image says reaches it. Calls don't touch the disk; what must be read from
/// the host (which capabilities and paths it has) is read when the provider starts.
///
/// Capability sets are bit masks: bit n is capability number n (capabilities(7)).
class security_profiles {
  public:
    virtual ~security_profiles() = default;

    /// Docker's default list.
    virtual std::uint64_t default_capabilities() const = 0;
    /// The bounding set of a container: the defaults (everything that the host has when `is_privileged`) without
    /// `drop`, with `add`. Names are as Docker takes them: with or without CAP_, any case, ALL for all.
    /// A capability that the host does not have is left out and told in `warnings`.
    /// Errors: invalid for a name that is no capability.
    virtual std::uint64_t capability_bits(const std::vector<std::string>& add, const std::vector<std::string>& drop,
                                          bool is_privileged, std::vector<std::string>& warnings) const = 0;
    /// Docker's default profile, compiled for containers with these capabilities: struct sock_filter[] as bytes, for
    /// process_plan::seccomp_filter. Compiled once for each set and remembered; the reference lives as long as the
    /// provider.
    virtual const std::string& seccomp_filter(std::uint64_t capabilities) const = 0;
    /// The paths that are hidden in containers that are not privileged, with what this host has a file of each CPU for.
    virtual const std::vector<std::string>& masked_paths() const = 0;
    /// The paths that can't be written in containers that are not privileged.
    virtual const std::vector<std::string>& read_only_paths() const = 0;
};

} // namespace davit
