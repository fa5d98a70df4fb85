#pragma once

#include <string>
#include <string_view>

namespace davit {

/// Writes a kernel setting below /proc/sys/net: "ipv4/ip_forward". False when the kernel has no such setting.
bool write_network_setting(const std::string& name, std::string_view value);

} // namespace davit
