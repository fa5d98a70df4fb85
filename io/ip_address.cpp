#include "io/ip_address.h"

#include <charconv>

#include <fmt/format.h>

namespace davit::io {

namespace {

/// A decimal number of at most `limit`, without leading zeros, taken from the front of `text`.
std::optional<std::uint32_t> take_number(std::string_view& text, std::uint32_t limit) {
    std::uint32_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto length = static_cast<std::size_t>(end - text.data());
    if (failed != std::errc{} || number > limit || (length > 1 && text.front() == '0')) return std::nullopt;
    text.remove_prefix(length);
    return number;
}

std::uint32_t host_bits(int prefix_length) noexcept {
    return prefix_length == 0 ? ~std::uint32_t{0} : (std::uint32_t{1} << (32 - prefix_length)) - 1;
}

} // namespace

std::optional<ipv4_address> ipv4_address::parse(std::string_view text) {
    ipv4_address parsed;
    for (int part = 0; part < 4; ++part) {
        if (part > 0) {
            if (!text.starts_with('.')) return std::nullopt;
            text.remove_prefix(1);
        }
        const auto number = take_number(text, 255);
        if (!number) return std::nullopt;
        parsed.value = parsed.value << 8 | *number;
    }
    if (!text.empty()) return std::nullopt;
    return parsed;
}

std::string ipv4_address::to_string() const {
    return fmt::format("{}.{}.{}.{}", value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
}

std::optional<ipv4_network> ipv4_network::parse(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto address = ipv4_address::parse(text.substr(0, slash));
    text.remove_prefix(slash + 1);
    const auto prefix_length = take_number(text, 32);
    if (!address || !prefix_length || !text.empty()) return std::nullopt;
    return ipv4_network{*address, static_cast<int>(*prefix_length)};
}

std::string ipv4_network::to_string() const {
    return fmt::format("{}/{}", address.to_string(), prefix_length);
}

ipv4_address ipv4_network::first() const noexcept {
    return {address.value & ~host_bits(prefix_length)};
}

ipv4_address ipv4_network::last() const noexcept {
    return {address.value | host_bits(prefix_length)};
}

std::optional<mac_address> mac_address::parse(std::string_view text) {
    mac_address parsed;
    if (text.size() != 17) return std::nullopt;
    for (std::size_t i = 0; i < 6; ++i) {
        const auto pair = text.substr(i * 3, 2);
        const auto [end, failed] = std::from_chars(pair.data(), pair.data() + 2, parsed.bytes[i], 16);
        if (failed != std::errc{} || end != pair.data() + 2) return std::nullopt;
        if (i < 5 && text[i * 3 + 2] != ':') return std::nullopt;
    }
    return parsed;
}

std::string mac_address::to_string() const {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
                       bytes[5]);
}

mac_address mac_address::of(ipv4_address address) noexcept {
    const auto byte = [address](int shift) { return static_cast<std::uint8_t>(address.value >> shift); };
    return {{0x02, 0x42, byte(24), byte(16), byte(8), byte(0)}};
}

} // namespace davit::io
