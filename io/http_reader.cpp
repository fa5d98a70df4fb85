#include "io/http_reader.h"

#include <algorithm>
#include <cstring>

namespace davit::io {

namespace {

/// Holds an ordinary head whole, and is small enough for thousands of connections.
constexpr std::size_t buffer_size = 8 * 1024;
/// A reader with this much room gets the bytes without a detour over the buffer.
constexpr std::size_t enough_for_direct = 2 * 1024;

} // namespace

task<bool> http_reader::fill(stream& from) {
    if (buffer_.empty()) buffer_.resize(buffer_size);
    if (begin_ > 0 && end_ == buffer_.size()) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    const std::size_t got = co_await from.read(bytes{buffer_}.subspan(end_));
    end_ += got;
    co_return got > 0;
}

task<bool> http_reader::read_head(stream& from) {
    for (;;) {
        const auto step = parser_.next(buffered());
        begin_ += step.consumed;
        if (begin_ == end_) begin_ = end_ = 0;
        if (step.what == http_parser::event::head) break;
        if (!co_await fill(from)) {
            if (!parser_.is_inside_message()) co_return false;
            throw error(errc::unavailable, "the peer has closed the connection inside a message's head");
        }
    }
    note_head();
    co_return true;
}

void http_reader::note_head() {
    has_length_ = !parser_.is_chunked() && parser_.content_length() > 0;
    body_left_ = parser_.content_length();
    // The end of a message without a body is told without further input.
    if (!parser_.has_body() && parser_.next({}).what == http_parser::event::end) is_complete_ = true;
}

std::size_t http_reader::take_body_from_buffer(bytes into) {
    std::size_t taken = 0;
    while (!is_complete_ && begin_ < end_ && taken < into.size()) {
        // No more than fits: the parser holds no bytes back.
        const auto step = parser_.next(buffered().first(std::min(end_ - begin_, into.size() - taken)));
        if (!step.data.empty()) std::memcpy(into.data() + taken, step.data.data(), step.data.size());
        taken += step.data.size();
        body_left_ -= std::min<std::uint64_t>(body_left_, step.data.size());
        begin_ += step.consumed;
        is_complete_ = step.what == http_parser::event::end;
    }
    if (begin_ == end_) begin_ = end_ = 0;
    return taken;
}

std::size_t http_reader::take_body_from(bytes data) {
    std::size_t taken = 0;
    for (std::size_t used = 0; used < data.size() && !is_complete_;) {
        const auto step = parser_.next(data.subspan(used));
        if (!step.data.empty()) std::memmove(data.data() + taken, step.data.data(), step.data.size());
        taken += step.data.size();
        body_left_ -= std::min<std::uint64_t>(body_left_, step.data.size());
        used += step.consumed;
        is_complete_ = step.what == http_parser::event::end;
        if (!is_complete_) continue;
        const const_bytes rest = data.subspan(used);
        if (rest.empty()) break;
        buffer_.assign(rest.begin(), rest.end());
        buffer_.resize(std::max(buffer_size, rest.size()));
        begin_ = 0;
        end_ = rest.size();
    }
    return taken;
}

task<std::size_t> http_reader::read_body(stream& from, bytes into) {
    while (!is_complete_ && !into.empty()) {
        std::size_t taken = 0;
        if (has_buffered()) {
            taken = take_body_from_buffer(into);
        } else {
            bool has_more = false;
            if (into.size() >= enough_for_direct || has_length_) {
                const auto room = has_length_ ? std::min<std::uint64_t>(into.size(), body_left_) : into.size();
                const std::size_t got = co_await from.read(into.first(static_cast<std::size_t>(room)));
                has_more = got > 0;
                taken = take_body_from(into.first(got));
            } else {
                has_more = co_await fill(from);
            }
            if (!has_more) {
                if (!parser_.finish())
                    throw error(errc::unavailable, "the peer has closed the connection inside a message's body");
                is_complete_ = true;
            }
        }
        // Of a body with a length, the end is told without further input.
        if (has_length_ && body_left_ == 0 && !is_complete_)
            is_complete_ = parser_.next({}).what == http_parser::event::end;
        if (taken > 0) co_return taken;
    }
    co_return 0;
}

void http_reader::next_message() {
    parser_.reset();
    is_complete_ = false;
}

std::string http_reader::take_buffered() {
    const const_bytes rest = buffered();
    std::string taken{reinterpret_cast<const char*>(rest.data()), rest.size()};
    begin_ = end_ = 0;
    return taken;
}

} // namespace davit::io
