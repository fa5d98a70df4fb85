#include "cli/network_flags.h"

#include <cctype>
#include <charconv>

#include "cli/option_values.h"
#include "cli/value.h"
#include "core/error.h"

namespace davit::cli {

namespace {

bool is_user_defined(std::string_view network) {
    for (const std::string_view known : {"default", "bridge", "host", "none"})
        if (network == known) return false;
    return !network.starts_with("container:");
}

/// Six, eight or twenty bytes, with colons or dashes between them.
void check_mac_address(const std::string& text) {
    bool is_right = text.size() == 17 || text.size() == 23 || text.size() == 59;
    for (std::size_t i = 0; is_right && i < text.size(); ++i) {
        const bool is_digit = std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
        is_right = i % 3 == 2 ? text[i] == text[2] && (text[i] == ':' || text[i] == '-') : is_digit;
    }
    if (!is_right) throw error(errc::invalid, "{} is not a valid mac address", text);
}

/// Whether fields are meant ("name=x,…") and not a network of that name.
bool has_fields(std::string_view text) {
    const auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    for (std::size_t at = text.find('='); at != std::string_view::npos; at = text.find('=', at + 1))
        if (at > 0 && is_part(text[at - 1]) && at + 1 < text.size() && is_part(text[at + 1])) return true;
    return false;
}

} // namespace

void network_flags::read_field(place& of, const std::string& field) {
    const auto [name, wanted] = split_pair(in_lower_case(field)); // docker's way, also with what is wanted
    const std::string key = trimmed(name), text = trimmed(wanted);
    if (field.find('=') == std::string::npos || key.empty()) throw error(errc::invalid, "invalid field {}", field);
    if (key == "name") {
        of.network = text;
    } else if (key == "alias") {
        of.aliases.push_back(text);
    } else if (key == "ip") {
        of.ip = text;
    } else if (key == "ip6") {
        of.ip6 = text;
    } else if (key == "mac-address") {
        check_mac_address(text);
        of.mac_address = text;
    } else if (key == "link-local-ip") {
        of.link_local_addresses.push_back(text);
    } else if (key == "driver-opt") {
        const auto [option, setting] = split_pair(text);
        if (text.find('=') == std::string::npos || trimmed(option).empty())
            throw error(errc::invalid, "invalid key value pair format in driver options");
        of.driver_options.insert_or_assign(trimmed(option), trimmed(setting));
    } else if (key == "gw-priority") {
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), of.gateway_priority);
        if (failed != std::errc{} || end != text.data() + text.size())
            throw error(errc::invalid, "invalid gw-priority ({}): invalid syntax", text);
    } else {
        throw error(errc::invalid, "invalid field key {}", key);
    }
}

network_flags::place network_flags::parse(const std::string& text) {
    place made;
    if (has_fields(text)) {
        for (const std::string& field : split_csv(text)) read_field(made, field);
        if (made.network.empty()) throw error(errc::invalid, "network name/id is not specified");
    } else {
        made.network = text;
    }
    return made;
}

void network_flags::declare(flag_set& flags) {
    flags.parsed("network", 0, "network", "Connect a container to a network",
                 [this](const std::string& text) { places_.push_back(parse(text)); });
    flags.alias("net", "network");
    flags.list("network-alias", 0, further_.aliases, "Add network-scoped alias for the container");
    flags.alias("net-alias", "network-alias");
    flags.text("ip", 0, further_.ip, "IPv4 address (e.g., 172.30.100.104)");
    flags.text("ip6", 0, further_.ip6, "IPv6 address (e.g., 2001:db8::33)");
    flags.list("link", 0, further_.links, "Add link to another container");
    flags.list("link-local-ip", 0, further_.link_local_addresses, "Container IPv4/IPv6 link-local addresses");
    flags.text("mac-address", 0, further_.mac_address, "Container MAC address (e.g., 92:d0:c6:0a:29:33)");
}

network_flags::place network_flags::completed(place of) const {
    const auto take = [](auto& into, const auto& from, std::string_view flag, std::string_view what) {
        if (from.empty()) return;
        if (!into.empty())
            throw error(errc::invalid, "conflicting options: cannot specify both --{} and per-network {}", flag, what);
        into = from;
    };
    take(of.aliases, further_.aliases, "network-alias", "alias");
    take(of.ip, further_.ip, "ip", "IPv4 address");
    take(of.ip6, further_.ip6, "ip6", "IPv6 address");
    take(of.mac_address, further_.mac_address, "mac-address", "MAC address");
    take(of.link_local_addresses, further_.link_local_addresses, "link-local-ip", "link-local IP addresses");
    if (is_user_defined(of.network)) of.links = further_.links;
    return of;
}

api::endpoint_settings network_flags::settings_of(const place& of) {
    if (trimmed(of.network).empty()) throw error(errc::invalid, "no name set for network");
    if (!of.aliases.empty() && !is_user_defined(of.network))
        throw error(errc::invalid, "network-scoped aliases are only supported for user-defined networks");
    if (!of.mac_address.empty()) check_mac_address(of.mac_address);
    api::endpoint_settings settings;
    value addresses;
    if (!of.ip.empty()) addresses.set("IPv4Address", of.ip);
    if (!of.ip6.empty()) addresses.set("IPv6Address", of.ip6);
    if (const auto& local = of.link_local_addresses; !local.empty())
        addresses.set("LinkLocalIPs", value::list(local.begin(), local.end()));
    if (!addresses.is_null()) settings.ipam_config = {addresses.to_json()};
    settings.mac_address = of.mac_address;
    if (!of.aliases.empty()) settings.aliases = of.aliases;
    if (!of.links.empty()) settings.links = of.links;
    if (!of.driver_options.empty()) settings.driver_options = of.driver_options;
    settings.gateway_priority = of.gateway_priority;
    return settings;
}

void network_flags::fill(api::create_body& body) const {
    if (!further_.links.empty()) body.host.links = further_.links;
    std::vector<place> places = places_;
    if (places.empty()) places.emplace_back().network = "default";
    places.front() = completed(std::move(places.front()));
    body.host.network_mode = places.front().network;
    auto& endpoints = body.networking.endpoints;
    for (const place& one : places) {
        const api::endpoint_settings settings = settings_of(one);
        if (endpoints.contains(one.network))
            throw error(errc::invalid, "network \"{}\" is specified multiple times", one.network);
        if (is_user_defined(one.network) != is_user_defined(places.front().network))
            throw error(errc::invalid,
                        "conflicting options: cannot attach both user-defined and non-user-defined network-modes");
        endpoints[one.network].emplace(settings);
    }
}

} // namespace davit::cli
