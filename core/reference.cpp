#include "core/reference.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"

namespace davit {
namespace {

constexpr std::string_view default_domain = "docker.io";
constexpr std::string_view former_default_domain = "index.docker.io";
constexpr std::string_view official_prefix = "library/";
constexpr std::size_t longest_path = 255;
constexpr std::size_t longest_domain = 255;
constexpr std::size_t longest_tag = 128;

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
constexpr bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
constexpr bool is_letter_or_digit(char c) {
    return is_lower(c) || is_upper(c) || is_digit(c);
}
constexpr bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Calls `good` for every part between separators; whether there is at least one and all are good.
template <class Predicate> bool all_parts(std::string_view text, char separator, Predicate good) {
    while (true) {
        const auto end = text.find(separator);
        if (!good(text.substr(0, end))) return false;
        if (end == std::string_view::npos) return true;
        text.remove_prefix(end + 1);
    }
}

bool is_host_label(std::string_view text) {
    return !text.empty() && is_letter_or_digit(text.front()) && is_letter_or_digit(text.back()) &&
           std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

bool is_domain(std::string_view text) {
    if (text.size() > longest_domain) return false;
    std::string_view host = text;
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return false;
        host = text.substr(1, close - 1);
        port = text.substr(close + 1);
        has_port = !port.empty();
        if (has_port && !port.starts_with(':')) return false;
        if (host.empty() || !std::ranges::all_of(host, [](char c) { return is_hex(c) || c == ':'; })) return false;
        port.remove_prefix(has_port ? 1 : 0);
    } else {
        const auto colon = text.find(':');
        host = text.substr(0, colon);
        has_port = colon != std::string_view::npos;
        if (has_port) port = text.substr(colon + 1);
        if (!all_parts(host, '.', is_host_label)) return false;
    }
    return !has_port || (!port.empty() && std::ranges::all_of(port, is_digit));
}

/// Lower-case letters and digits with single separators between them: one dot, one or two underscores, or hyphens.
bool is_path_component(std::string_view text) {
    const auto is_word = [](char c) { return is_lower(c) || is_digit(c); };
    if (text.empty() || !is_word(text.front()) || !is_word(text.back())) return false;
    while (!text.empty()) {
        text.remove_prefix(std::ranges::find_if_not(text, is_word) - text.begin());
        const auto separator = text.substr(0, std::ranges::find_if(text, is_word) - text.begin());
        const bool is_good = separator.empty() || separator == "." || separator == "_" || separator == "__" ||
                             separator.find_first_not_of('-') == std::string_view::npos;
        if (!is_good) return false;
        text.remove_prefix(separator.size());
    }
    return true;
}

bool is_image_id(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool looks_like_domain(std::string_view first) {
    return first == "localhost" || first.find_first_of(".:") != std::string_view::npos ||
           std::ranges::any_of(first, is_upper);
}

/// The domain and all that follows it, Docker's defaults filled in.
std::pair<std::string, std::string> split_domain(std::string_view text) {
    const auto slash = text.find('/');
    const auto first = text.substr(0, slash);
    std::string domain{default_domain};
    std::string rest{text};
    if (slash != std::string_view::npos && looks_like_domain(first)) {
        if (first != former_default_domain) domain = first;
        rest = text.substr(slash + 1);
    }
    if (domain == default_domain && rest.find('/') == std::string::npos) rest.insert(0, official_prefix);
    return {std::move(domain), std::move(rest)};
}

[[noreturn]] void refuse() {
    throw error(errc::invalid, "invalid reference format");
}

} // namespace

bool is_tag(std::string_view text) noexcept {
    const auto is_word = [](char c) { return is_letter_or_digit(c) || c == '_'; };
    return !text.empty() && text.size() <= longest_tag && is_word(text.front()) &&
           std::ranges::all_of(text, [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool is_repository_path(std::string_view text) noexcept {
    return text.size() <= longest_path && all_parts(text, '/', is_path_component);
}

image_reference image_reference::parse(std::string_view text) {
    if (is_image_id(text))
        throw error(errc::invalid, "invalid repository name ({}), cannot specify 64-byte hexadecimal strings", text);

    image_reference made;
    std::string rest;
    std::tie(made.domain_, rest) = split_domain(text);
    std::string_view path = rest;
    if (const auto at = path.find('@'); at != std::string_view::npos) {
        if (!davit::digest::is_valid(path.substr(at + 1))) refuse();
        made.digest_ = davit::digest::parse(path.substr(at + 1));
        path = path.substr(0, at);
    }
    if (const auto colon = path.find(':'); colon != std::string_view::npos) {
        made.tag_ = path.substr(colon + 1);
        path = path.substr(0, colon);
        if (!is_tag(made.tag_)) refuse();
    }
    if (!is_domain(made.domain_)) refuse();
    if (path.size() > longest_path)
        throw error(errc::invalid, "repository name must not be more than {} characters", longest_path);
    if (!all_parts(path, '/', is_path_component)) {
        std::string lower{path};
        std::ranges::transform(lower, lower.begin(),
                               [](char c) { return is_upper(c) ? static_cast<char>(c + 32) : c; });
        if (lower != path && all_parts(lower, '/', is_path_component))
            throw error(errc::invalid, "invalid reference format: repository name ({}) must be lowercase", path);
        refuse();
    }
    made.path_ = path;
    return made;
}

std::string image_reference::name() const {
    return fmt::format("{}/{}", domain_, path_);
}

std::string image_reference::suffix() const {
    std::string text;
    if (!tag_.empty()) text += ":" + tag_;
    if (digest_) text += "@" + digest_->text();
    return text;
}

std::string image_reference::text() const {
    return name() + suffix();
}

std::string image_reference::familiar_name() const {
    if (domain_ != default_domain) return name();
    std::string_view path = path_;
    if (path.starts_with(official_prefix) && path.find('/', official_prefix.size()) == std::string_view::npos)
        path.remove_prefix(official_prefix.size());
    const auto slash = path.find('/');
    // Left alone, these would be read as a domain or as an image's id.
    if ((slash != std::string_view::npos && looks_like_domain(path.substr(0, slash))) || is_image_id(path))
        return name();
    return std::string{path};
}

std::string image_reference::familiar() const {
    return familiar_name() + suffix();
}

image_reference image_reference::with_default_tag() const {
    image_reference made = *this;
    if (names_repository_only()) made.tag_ = "latest";
    return made;
}

image_reference image_reference::with_tag(std::string_view tag) const {
    if (!is_tag(tag)) throw error(errc::invalid, "invalid tag format");
    image_reference made = *this;
    made.tag_ = tag;
    return made;
}

image_reference image_reference::with_digest(const davit::digest& digest) const {
    image_reference made = *this;
    made.digest_ = digest;
    return made;
}

image_reference image_reference::repository() const {
    image_reference made = *this;
    made.tag_.clear();
    made.digest_.reset();
    return made;
}

} // namespace davit
