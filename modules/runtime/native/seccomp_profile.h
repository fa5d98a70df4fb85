#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace davit {

/// Compiles Docker's default profile for this host's architectures (x86-64 with i386 and x32; arm64 with arm).
/// The bytes are struct sock_filter[], as seccomp(2) takes them. Errors: internal with what libseccomp said.
std::string compile_default_seccomp(std::uint64_t capabilities);

/// Compiled profiles, one for each set of the capabilities that the profile looks at.
class seccomp_profiles {
  public:
    /// The reference lives as long as this object.
    const std::string& get(std::uint64_t capabilities);

  private:
    std::map<std::uint64_t, std::string> compiled_;
};

} // namespace davit
