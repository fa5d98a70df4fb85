#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace davit {

// Capability sets as bit masks: bit n is capability number n (capabilities(7)).

/// The number of a capability by its name: with or without CAP_, in any case.
std::optional<int> capability_number(std::string_view name);
/// "CAP_CHOWN" of 0; "CAP_63" of a number without a name.
std::string capability_name(int number);

/// Docker's default list of fourteen.
std::uint64_t default_capability_bits();

/// The bounding set of a container: the defaults (all that are held when `is_privileged`), without `drop`, with `add`.
/// ALL stands for all. What is not in `held` is left out, and told in `warnings` when it was asked for by name.
/// Errors: invalid for a name that is no capability.
std::uint64_t choose_capabilities(const std::vector<std::string>& add, const std::vector<std::string>& drop,
                                  bool is_privileged, std::uint64_t held, std::vector<std::string>& warnings);

/// The bounding set of this process, which nothing that it starts can pass (PR_CAPBSET_READ).
std::uint64_t held_capabilities();

} // namespace davit
