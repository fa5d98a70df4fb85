#pragma once

#include <string>
#include <vector>

namespace davit::cli {

/// Ports as flags name them. Errors of all: invalid, in docker's words.

/// "80", "80-90/udp": the ports as the API names them ("80/tcp", …).
std::vector<std::string> parse_exposed_ports(const std::string& text);

struct published_port {
    std::string address; ///< Empty for all of the host's
    std::string outside; ///< Empty for any that is free
    std::string inside;  ///< "80/tcp"
};
/// "80", "8080:80/udp", "127.0.0.1:8080-8081:80-81", "[::1]::80", "target=80,published=8080": one for each port.
std::vector<published_port> parse_published_ports(const std::string& text);

} // namespace davit::cli
