#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/module.h"
#include "core/security_profiles.h"
#include "modules/runtime/native/seccomp_profile.h"

namespace davit {

/// Docker's defaults: its capabilities, its seccomp profile, its masked and read-only paths.
class default_security final : public module, public security_profiles {
  public:
    using provides = interfaces<security_profiles>;
    using needs = interfaces<>;

    explicit default_security(const module_inputs& given);
    /// Without a registry, for tests; call `read_host` first.
    default_security() = default;

    task<void> start() override;
    /// Reads which capabilities and paths this host has.
    void read_host();

    std::uint64_t default_capabilities() const override;
    std::uint64_t capability_bits(const std::vector<std::string>& add, const std::vector<std::string>& drop,
                                  bool is_privileged, std::vector<std::string>& warnings) const override;
    const std::string& seccomp_filter(std::uint64_t capabilities) const override;
    const std::vector<std::string>& masked_paths() const override { return masked_paths_; }
    const std::vector<std::string>& read_only_paths() const override { return read_only_paths_; }

  private:
    std::uint64_t held_ = 0;
    std::vector<std::string> masked_paths_;
    std::vector<std::string> read_only_paths_;
    mutable seccomp_profiles profiles_; ///< Remembers what it has compiled
};

} // namespace davit
