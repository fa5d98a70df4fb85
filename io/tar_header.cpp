#include "io/tar_header.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace davit::io {
namespace {

constexpr std::size_t checksum_begin = 148, checksum_end = 156;

std::optional<std::int64_t> base256_number(std::string_view field) noexcept {
    const bool is_negative = static_cast<unsigned char>(field[0]) == 0xff;
    if (!is_negative && static_cast<unsigned char>(field[0]) != 0x80) return std::nullopt;
    const std::uint64_t fill = is_negative ? ~std::uint64_t{0} : 0;
    std::uint64_t value = fill;
    for (const char c : field.substr(1)) {
        // What is shifted out must be a mere repetition of the sign.
        if ((value >> 55) != (fill >> 55)) return std::nullopt;
        value = value << 8 | static_cast<unsigned char>(c);
    }
    return static_cast<std::int64_t>(value);
}

} // namespace

std::optional<std::int64_t> tar_number(std::string_view field) noexcept {
    if (!field.empty() && (static_cast<unsigned char>(field[0]) & 0x80) != 0) return base256_number(field);
    const auto is_blank = [](char c) { return c == ' ' || c == '\0'; };
    while (!field.empty() && is_blank(field.front())) field.remove_prefix(1);
    while (!field.empty() && is_blank(field.back())) field.remove_suffix(1);
    if (const auto end = field.find('\0'); end != std::string_view::npos) field = field.substr(0, end);
    while (!field.empty() && is_blank(field.back())) field.remove_suffix(1);
    std::int64_t value = 0;
    for (const char c : field) {
        if (c < '0' || c > '7') return std::nullopt;
        if (value > std::numeric_limits<std::int64_t>::max() >> 3) return std::nullopt;
        value = value << 3 | (c - '0');
    }
    return value;
}

std::string_view tar_text(std::string_view field) noexcept {
    return field.substr(0, field.find('\0'));
}

bool tar_checksum_is_right(std::string_view block) noexcept {
    const auto told = tar_number(block.substr(checksum_begin, checksum_end - checksum_begin));
    if (!told) return false;
    std::int64_t with_unsigned = 0, with_signed = 0;
    for (std::size_t at = 0; at < block.size(); ++at) {
        const bool in_checksum = at >= checksum_begin && at < checksum_end;
        const char c = in_checksum ? ' ' : block[at];
        with_unsigned += static_cast<unsigned char>(c);
        with_signed += static_cast<signed char>(c);
    }
    return *told == with_unsigned || *told == with_signed;
}

bool append_pax_records(std::string_view text, pax_records& to) {
    while (!text.empty()) {
        std::size_t length = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), length);
        const auto digits = static_cast<std::size_t>(end - text.data());
        if (failed != std::errc{} || digits == 0 || length > text.size() || length < digits + 4) return false;
        if (text[digits] != ' ' || text[length - 1] != '\n') return false;
        const std::string_view record = text.substr(digits + 1, length - digits - 2);
        const auto equals = record.find('=');
        if (equals == std::string_view::npos || equals == 0) return false;
        to.emplace_back(record.substr(0, equals), record.substr(equals + 1));
        text.remove_prefix(length);
    }
    return true;
}

bool parse_pax_time(std::string_view text, std::int64_t& seconds, std::uint32_t& nanoseconds) noexcept {
    const bool is_negative = text.starts_with('-');
    if (is_negative) text.remove_prefix(1);
    const auto dot = text.find('.');
    const auto whole = pax_number(text.substr(0, dot));
    if (!whole || *whole > (std::int64_t{1} << 40)) return false;
    std::uint32_t fraction = 0;
    if (dot != std::string_view::npos) {
        std::uint32_t unit = 100'000'000;
        for (const char c : text.substr(dot + 1)) {
            if (c < '0' || c > '9') return false;
            fraction += static_cast<std::uint32_t>(c - '0') * unit;
            unit /= 10;
        }
    }
    seconds = is_negative ? -*whole : *whole;
    nanoseconds = fraction;
    if (is_negative && fraction != 0) {
        --seconds;
        nanoseconds = 1'000'000'000 - fraction;
    }
    return true;
}

std::optional<std::int64_t> pax_number(std::string_view text) noexcept {
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size() || text.starts_with('-')) return std::nullopt;
    return value;
}

} // namespace davit::io
