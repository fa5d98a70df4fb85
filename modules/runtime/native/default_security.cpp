#include "modules/runtime/native/default_security.h"

#include "modules/runtime/native/capabilities.h"
#include "modules/runtime/native/protected_paths.h"

namespace davit {

default_security::default_security(const module_inputs&) {}

task<void> default_security::start() {
    read_host();
    co_return;
}

void default_security::read_host() {
    held_ = held_capabilities();
    masked_paths_ = default_masked_paths();
    read_only_paths_ = default_read_only_paths();
    profiles_.get(default_capabilities()); // So that the first start does not pay for it
}

std::uint64_t default_security::default_capabilities() const {
    return default_capability_bits() & held_;
}

std::uint64_t default_security::capability_bits(const std::vector<std::string>& add,
                                                const std::vector<std::string>& drop, bool is_privileged,
                                                std::vector<std::string>& warnings) const {
    return choose_capabilities(add, drop, is_privileged, held_, warnings);
}

const std::string& default_security::seccomp_filter(std::uint64_t capabilities) const {
    return profiles_.get(capabilities);
}

} // namespace davit
