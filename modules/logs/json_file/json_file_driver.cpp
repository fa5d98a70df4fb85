#include "modules/logs/json_file/json_file_driver.h"

#include <cctype>
#include <charconv>

#include "core/error.h"
#include "modules/logs/json_file/json_file_log.h"

namespace davit {

namespace {

/// "10m", "1g", "500k", "1048576": powers of 1024, as Docker reads them.
std::uint64_t parse_size(const std::string& text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    auto [at, failed] = std::from_chars(text.data(), end, number);
    unsigned shift = 0;
    if (at != end) {
        switch (std::tolower(static_cast<unsigned char>(*at))) {
        case 'k':
            shift = 10;
            break;
        case 'm':
            shift = 20;
            break;
        case 'g':
            shift = 30;
            break;
        case 't':
            shift = 40;
            break;
        case 'b':
            break;
        default:
            failed = std::errc::invalid_argument;
        }
        ++at;
        if (shift != 0 && at != end && std::tolower(static_cast<unsigned char>(*at)) == 'b') ++at;
    }
    if (failed != std::errc{} || at != end || number == 0 || number > (UINT64_MAX >> 1 >> shift))
        throw error(errc::invalid, "invalid log option max-size: \"{}\"; give a number with k, m or g", text);
    return number << shift;
}

json_file_options parse(const std::map<std::string, std::string>& options) {
    json_file_options parsed;
    for (const auto& [name, value] : options) {
        if (name == "max-size") {
            if (value != "-1") parsed.most_bytes = parse_size(value);
        } else if (name == "max-file") {
            const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), parsed.most_files);
            if (failed != std::errc{} || end != value.data() + value.size() || parsed.most_files == 0 ||
                parsed.most_files > 1000)
                throw error(errc::invalid, "invalid log option max-file: \"{}\"; give a number from 1 to 1000", value);
        } else if (name == "compress") {
            if (value != "false")
                throw error(errc::invalid, "log option compress: rotated logs are not compressed; leave it out");
        } else {
            throw error(errc::invalid, "unknown log opt '{}' for json-file log driver", name);
        }
    }
    if (parsed.most_files > 1 && parsed.most_bytes == 0)
        throw error(errc::invalid, "invalid log options: max-file has no effect without max-size");
    return parsed;
}

} // namespace

task<std::unique_ptr<container_log>> json_file_driver::open(std::string container_id, std::string directory,
                                                            std::map<std::string, std::string> options,
                                                            std::map<std::string, std::string> attributes) {
    json_file_options parsed = parse(options);
    parsed.attributes = std::move(attributes);
    co_return co_await json_file_log::open(std::move(container_id), std::move(directory), std::move(parsed));
}

void json_file_driver::check(const std::map<std::string, std::string>& options) const {
    parse(options);
}

std::string json_file_driver::path(const std::string& container_id, const std::string& directory) const {
    return json_file_log::path_of(container_id, directory);
}

} // namespace davit
