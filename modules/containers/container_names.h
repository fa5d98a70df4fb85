#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace davit {

/// The name that number `draw` stands for: "quiet_lovelace". From the `attempt`th collision on, a digit follows.
std::string made_up_name(std::uint64_t draw, unsigned attempt);

/// Docker's rule for container names: [a-zA-Z0-9][a-zA-Z0-9_.-]+, after one leading slash, at most 255 bytes.
bool is_container_name(std::string_view name) noexcept;

} // namespace davit
