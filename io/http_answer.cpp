#include "io/http_answer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "core/error.h"

namespace davit::io::detail {

namespace {

constexpr std::size_t largest_copied_body = 16 * 1024; // beyond that, a second part of the write is cheaper

/// The Date header's value (RFC 9110 §5.6.7), made once a second.
std::string_view http_date() {
    static thread_local std::time_t made_at = 0;
    static thread_local std::array<char, 32> text{};
    static thread_local std::size_t size = 0;
    const std::time_t now = std::time(nullptr);
    if (now != made_at) {
        std::tm utc{};
        ::gmtime_r(&now, &utc);
        size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
        made_at = now;
    }
    return {text.data(), size};
}

bool may_have_body(unsigned status) noexcept {
    return status >= 200 && status != 204 && status != 304;
}

} // namespace

void http_answer::expect(terms of) noexcept {
    terms_ = of;
    state_ = state::none;
    framing_ = framing::none;
}

task<void> http_answer::send(std::span<const const_bytes> parts) {
    if (is_torn_) throw error(errc::unavailable, "the response was broken off in the middle of a write");
    is_torn_ = true;
    co_await to_.write_parts(parts);
    is_torn_ = false;
}

void http_answer::refuse_another() const {
    if (state_ != state::none) throw error(errc::internal, "a request was answered twice");
}

void http_answer::add_own_headers(http_headers& headers) const {
    headers.remove("Transfer-Encoding");
    if (!terms_.keeps_alive)
        headers.set("Connection", "close");
    else if (terms_.minor_version == 0)
        headers.set("Connection", "keep-alive");
    if (!headers.has("Date")) headers.add("Date", http_date());
    if (framing_ == framing::chunked) headers.add("Transfer-Encoding", "chunked");
}

void http_answer::begin(state with, const http_response_head& head) {
    out_.clear();
    append_head(out_, head); // a head that can't be written leaves the request without an answer
    state_ = with;
}

task<void> http_answer::send_out() {
    const std::array whole{as_bytes(out_)};
    co_await send(whole);
}

task<void> http_answer::respond(http_response_head head, std::string body) {
    refuse_another();
    if (may_have_body(head.status)) {
        if (!terms_.is_head || !head.headers.has("Content-Length"))
            head.headers.set("Content-Length", std::to_string(body.size()));
    } else {
        head.headers.remove("Content-Length");
    }
    add_own_headers(head.headers);
    begin(state::whole, head);
    if (terms_.is_head || !may_have_body(head.status)) body.clear();
    if (body.size() <= largest_copied_body) {
        out_ += body;
        co_await send_out();
    } else {
        const std::array parts{as_bytes(out_), as_bytes(body)};
        co_await send(parts);
    }
}

void http_answer::choose_framing(const http_response_head& head) {
    const std::string_view length = head.headers.get("Content-Length");
    if (terms_.is_head || !may_have_body(head.status)) {
        framing_ = framing::none;
    } else if (!length.empty()) {
        framing_ = framing::length;
        const auto read = std::from_chars(length.data(), length.data() + length.size(), length_left_);
        if (read.ec != std::errc{} || read.ptr != length.data() + length.size())
            throw error(errc::internal, "a response was given the length \"{}\"", length);
    } else if (terms_.minor_version > 0) {
        framing_ = framing::chunked;
    } else {
        framing_ = framing::until_close;
        close_after();
    }
}

task<void> http_answer::begin_stream(http_response_head head) {
    refuse_another();
    choose_framing(head);
    add_own_headers(head.headers);
    begin(state::streaming, head);
    co_await send_out();
}

task<void> http_answer::hijack(http_response_head head) {
    refuse_another();
    begin(state::hijacked, head);
    co_await send_out();
}

task<void> http_answer::write(const_bytes data) {
    if (state_ != state::streaming) throw error(errc::internal, "writing to a response body that has ended");
    if (data.empty() || framing_ == framing::none) co_return;
    if (framing_ == framing::chunked) {
        std::array<char, 18> size;
        char* const end = std::to_chars(size.data(), size.data() + size.size() - 2, data.size(), 16).ptr;
        std::copy_n("\r\n", 2, end);
        const std::array parts{as_bytes({size.data(), static_cast<std::size_t>(end + 2 - size.data())}), data,
                               as_bytes("\r\n")};
        co_await send(parts);
        co_return;
    }
    if (framing_ == framing::length) {
        if (data.size() > length_left_) throw error(errc::internal, "a response body is longer than its head says");
        length_left_ -= data.size();
    }
    const std::array whole{data};
    co_await send(whole);
}

task<void> http_answer::finish(http_headers trailers) {
    if (state_ != state::streaming) throw error(errc::internal, "ending a response body that has ended");
    if (is_torn_) throw error(errc::unavailable, "the response was broken off in the middle of a write");
    if (framing_ == framing::length && length_left_ > 0)
        throw error(errc::internal, "a response body is {} bytes shorter than its head says", length_left_);
    if (framing_ == framing::chunked) {
        out_ = "0\r\n";
        append_trailers(out_, trailers);
        co_await send_out();
    }
    state_ = state::streamed;
}

} // namespace davit::io::detail
