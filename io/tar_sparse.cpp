#include "io/tar_sparse.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/error.h"
#include "io/tar_header.h"

namespace davit::io {
namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t least_segment_bytes = 4; // two lines of a digit each

[[noreturn]] void refuse(const char* reason) {
    throw error(errc::invalid, "its sparse map {}", reason);
}

std::uint64_t number_of(std::string_view text) {
    const auto number = pax_number(text);
    if (!number) refuse("has a number that is none");
    return static_cast<std::uint64_t>(*number);
}

/// The version's parts are single digits; others have no meaning to be kept.
std::string_view version_part(std::string_view text) {
    return text == "0" ? "0" : text == "1" ? "1" : "?";
}

} // namespace

void tar_sparse_map::take_record(std::string_view key, std::string_view value) {
    is_told_ = true;
    key.remove_prefix(std::string_view{"GNU.sparse."}.size());
    if (key == "major") {
        major_ = version_part(value);
    } else if (key == "minor") {
        minor_ = version_part(value);
    } else if (key == "size" || key == "realsize") {
        size_ = number_of(value);
    } else if (key == "numblocks") {
        count_ = number_of(value);
    } else if (key == "offset" || key == "numbytes") {
        if (wants_size_ != (key == "numbytes")) refuse("has an offset without its size");
        take_number(number_of(value));
    } else if (key == "map") {
        segments_.clear();
        wants_size_ = false;
        for (std::size_t begin = 0, end; begin <= value.size(); begin = end + 1) {
            end = std::min(value.find(',', begin), value.size());
            take_number(number_of(value.substr(begin, end - begin)));
        }
    }
}

bool tar_sparse_map::is_in_content() const {
    if (major_ == "1" && minor_ == "0") return true;
    const bool is_zero = major_ == "0" && (minor_ == "0" || minor_ == "1");
    if (!is_zero && !(major_.empty() && minor_.empty())) refuse("has an unknown version");
    return false;
}

bool tar_sparse_map::take_block(std::string_view block, std::size_t most) {
    if (block_bytes_ == 0) {
        // What records said of segments belongs to the other formats.
        count_.reset();
        segments_.clear();
        wants_size_ = false;
    }
    block_bytes_ += block.size();
    if (block_bytes_ > most) throw error(errc::too_large, "its sparse map has more than {} bytes", most);
    for (const char c : block) {
        if (c >= '0' && c <= '9') {
            const auto digit = static_cast<std::uint64_t>(c - '0');
            if (number_ > (largest - digit) / 10) refuse("has a number that does not fit");
            number_ = number_ * 10 + digit;
            ++digits_;
            continue;
        }
        if (c != '\n' || digits_ == 0) refuse("has a number that is none");
        if (!count_) {
            count_ = number_;
            if (number_ > most / least_segment_bytes)
                throw error(errc::too_large, "its sparse map has more than {} bytes", most);
        } else {
            take_number(number_);
        }
        number_ = digits_ = 0;
        if (segments_.size() == *count_ && !wants_size_) return true;
    }
    return false;
}

void tar_sparse_map::take_number(std::uint64_t number) {
    if (wants_size_)
        segments_.back().size = number;
    else
        segments_.push_back({number, 0});
    wants_size_ = !wants_size_;
}

std::vector<tar_segment> tar_sparse_map::take_segments(std::uint64_t file_size, std::uint64_t stored) {
    if (wants_size_) refuse("has an offset without its size");
    if (!count_ || segments_.size() != *count_) refuse("has another number of parts than it says");
    std::uint64_t end = 0, sum = 0;
    for (const tar_segment& segment : segments_) {
        if (segment.offset < end) refuse("has parts that overlap or descend");
        if (segment.offset > file_size || segment.size > file_size - segment.offset)
            refuse("has a part beyond the file's end");
        end = segment.offset + segment.size;
        sum += segment.size; // at most file_size, since they do not overlap
    }
    if (sum != stored) refuse("has another size than the content");
    return std::move(segments_);
}

} // namespace davit::io
