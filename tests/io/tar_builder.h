#pragma once

#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace davit::io {

/// Makes tar archives for tests, good ones and bad ones.
class tar_builder {
  public:
    struct facts {
        unsigned mode = 0644;
        unsigned uid = 0, gid = 0;
        long mtime = 1'000'000'000;
        std::map<std::string, std::string> pax{};
        unsigned major = 0, minor = 0;
    };

    tar_builder& file(std::string_view path, std::string_view content) { return file(path, content, facts{}); }
    tar_builder& file(std::string_view path, std::string_view content, const facts& with) {
        return entry('0', path, {}, content, with);
    }
    tar_builder& directory(std::string_view path) { return directory(path, facts{.mode = 0755}); }
    tar_builder& directory(std::string_view path, const facts& with) { return entry('5', path, {}, {}, with); }
    tar_builder& symbolic_link(std::string_view path, std::string_view target) {
        return entry('2', path, target, {}, facts{});
    }
    tar_builder& hard_link(std::string_view path, std::string_view target) {
        return entry('1', path, target, {}, facts{});
    }
    tar_builder& entry(char type, std::string_view path, std::string_view target, std::string_view content,
                       const facts& with) {
        if (!with.pax.empty()) {
            std::string records;
            for (const auto& [key, value] : with.pax) records += pax_record(key, value);
            block('x', "pax", {}, records.size(), facts{});
            data(records);
        }
        block(type, path, target, content.size(), with);
        data(content);
        return *this;
    }
    /// A header alone, whatever its size says.
    tar_builder& block(char type, std::string_view path, std::string_view target, std::size_t size, const facts& with) {
        return raw(header(type, path, target, fmt::format("{:011o}", size), with));
    }
    tar_builder& raw(std::string_view bytes) {
        text_ += bytes;
        return *this;
    }
    tar_builder& data(std::string_view content) {
        text_ += content;
        text_.append((512 - content.size() % 512) % 512, '\0');
        return *this;
    }

    static std::string header(char type, std::string_view path, std::string_view target, std::string_view size,
                              const facts& with) {
        std::string made(512, '\0');
        const auto put = [&](std::size_t at, std::string_view text) { made.replace(at, text.size(), text); };
        put(0, path.substr(0, 100));
        put(100, fmt::format("{:07o}", with.mode));
        put(108, fmt::format("{:07o}", with.uid));
        put(116, fmt::format("{:07o}", with.gid));
        put(124, size);
        put(136, fmt::format("{:011o}", with.mtime));
        made[156] = type;
        put(157, target.substr(0, 100));
        put(257, std::string_view{"ustar\0"
                                  "00",
                                  8});
        put(329, fmt::format("{:07o}", with.major));
        put(337, fmt::format("{:07o}", with.minor));
        return with_checksum(made);
    }
    static std::string with_checksum(std::string made) {
        made.replace(148, 8, 8, ' ');
        unsigned sum = 0;
        for (const char c : made) sum += static_cast<unsigned char>(c);
        made.replace(148, 8, fmt::format("{:06o}", sum) + std::string{"\0 ", 2});
        return made;
    }
    static std::string pax_record(std::string_view key, std::string_view value) {
        std::size_t length = key.size() + value.size() + 3;
        std::string record;
        do record = fmt::format("{} {}={}\n", ++length, key, value);
        while (record.size() != length);
        return record;
    }

    std::string open_end() const { return text_; }
    std::string whole() const { return text_ + std::string(1024, '\0'); }

  private:
    std::string text_;
};

} // namespace davit::io
