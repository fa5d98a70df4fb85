#pragma once

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace davit::io {

/// Builds tar headers by hand, right or wrong as a test wants them.
struct raw_tar {
    std::string name = "file";
    char type = '0';
    std::string size_field = {}; // as it stands in the header; empty: the content's size
    std::string link = {};
    std::string uid_field = "0000000";
    std::string device_field = "0000000";
    std::string mtime_field = "00000000000";
    std::string magic = std::string("ustar\0"
                                    "00",
                                    8);

    std::string with(std::string_view content = {}) const {
        std::string block(512, '\0');
        const auto put = [&](std::size_t at, std::string_view text, std::size_t most) {
            std::memcpy(block.data() + at, text.data(), std::min(text.size(), most));
        };
        char octal[16];
        std::snprintf(octal, sizeof octal, "%011zo", content.size());
        put(0, name, 100);
        put(100, "0000644", 8);
        put(108, uid_field, 8);
        put(116, "0000000", 8);
        put(124, size_field.empty() ? octal : size_field, 12);
        put(136, mtime_field, 12);
        put(148, "        ", 8);
        block[156] = type;
        put(157, link, 100);
        put(257, magic, 8);
        put(329, device_field, 8);
        put(337, "0000005", 8);
        unsigned sum = 0;
        for (const unsigned char c : block) sum += c;
        std::snprintf(octal, sizeof octal, "%06o", sum);
        std::memcpy(block.data() + 148, octal, 7);
        return block + padded(content);
    }

    static std::string padded(std::string_view content) {
        return std::string{content} + std::string((512 - content.size() % 512) % 512, '\0');
    }
    static std::string end() { return std::string(1024, '\0'); }

    /// "<length> <key>=<value>\n"
    static std::string record(std::string_view key, std::string_view value) {
        const auto rest = " " + std::string{key} + "=" + std::string{value} + "\n";
        std::size_t length = rest.size() + 1;
        while (std::to_string(length).size() + rest.size() != length) ++length;
        return std::to_string(length) + rest;
    }
    static std::string pax(std::string_view records, char type = 'x') {
        return raw_tar{.name = "PaxHeader", .type = type}.with(records);
    }
};

} // namespace davit::io
