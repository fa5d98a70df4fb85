#include "modules/runtime/native/shim_connection.h"

#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/timeout.h"

namespace davit {

using shim_protocol::message_type;

namespace {

constexpr std::uint32_t longest_message = shim_protocol::maximum_frame + shim_protocol::empty_length;

[[noreturn]] void throw_failure(std::string_view payload) {
    const auto why = shim_protocol::decode<shim_protocol::failure>(payload);
    if (!why) throw error(errc::internal, "davit-shim refused, and its reason can't be read");
    auto category = errc::internal;
    switch (why->kind) {
    case shim_protocol::failure_kind::invalid:
        category = errc::invalid;
        break;
    case shim_protocol::failure_kind::not_found:
        category = errc::not_found;
        break;
    case shim_protocol::failure_kind::conflict:
        category = errc::conflict;
        break;
    case shim_protocol::failure_kind::internal:
        break;
    }
    throw error(category, "{}", why->sentence);
}

[[noreturn]] void throw_lost() {
    throw error(errc::unavailable, "davit-shim has ended; try again");
}

} // namespace

shim_connection::shim_connection(io::descriptor socket, std::uint64_t generation, std::chrono::milliseconds patience)
    : socket_{std::move(socket), longest_message}, generation_{generation}, patience_{patience} {}

task<shim_protocol::hello> shim_connection::greet() {
    const auto ours = encode(shim_protocol::hello{shim_protocol::version, getpid()});
    co_await socket_.send(shim_protocol::unmeasured_frame(message_type::hello, 0, ours));
    const auto message = co_await socket_.receive();
    if (!message) throw_lost();
    const auto parts = shim_protocol::split(message->payload);
    if (!parts || parts->type != message_type::hello) throw error(errc::internal, "davit-shim did not greet");
    const auto theirs = shim_protocol::decode<shim_protocol::hello>(parts->payload);
    if (!theirs) throw error(errc::internal, "davit-shim's greeting can't be read");
    co_return *theirs;
}

task<shim_connection::answer> shim_connection::ask(message_type type, std::string payload) {
    waiting here;
    co_await exchange(type, next_request_++, payload, &here);
    if (here.was_lost) throw_lost();
    if (here.got.type == message_type::failed) throw_failure(here.got.payload);
    co_return std::move(here.got);
}

task<void> shim_connection::tell(message_type type, std::string payload) {
    co_await exchange(type, next_request_++, payload, nullptr);
}

task<void> shim_connection::exchange(message_type type, std::uint64_t request, const std::string& payload,
                                     waiting* here) {
    if (is_lost_) throw_lost();
    // Said before anything is sent: this is about the request, not about the connection.
    if (payload.size() > shim_protocol::maximum_frame)
        throw error(errc::too_large, "a request of {} bytes is more than davit-shim takes ({})", payload.size(),
                    shim_protocol::maximum_frame);
    if (here) waiting_.emplace(request, here);
    std::exception_ptr failure;
    try {
        co_await with_timeout(patience_, "davit-shim's answer", send_and_wait(type, request, payload, here))
            .under(nullptr);
    } catch (const error& e) {
        failure = e.category() == errc::timed_out ? std::make_exception_ptr(error(errc::unavailable, "{}", e.text()))
                                                  : std::current_exception();
    }
    if (!failure) co_return;
    waiting_.erase(request);
    lose(); // The stream may have broken inside a message
    std::rethrow_exception(failure);
}

task<void> shim_connection::send_and_wait(message_type type, std::uint64_t request, const std::string& payload,
                                          waiting* here) {
    co_await socket_.send(shim_protocol::unmeasured_frame(type, request, payload));
    if (here) co_await here->has_come.wait();
}

task<void> shim_connection::receive(std::function<void(shim_protocol::exited)> on_exit) {
    std::exception_ptr failure;
    try {
        while (auto message = co_await socket_.receive()) {
            const auto parts = shim_protocol::split(message->payload);
            if (!parts || parts->descriptors != message->descriptors.size())
                throw error(errc::internal, "davit-shim sent what is no message");
            if (parts->type == message_type::exited) {
                if (auto exit = shim_protocol::decode<shim_protocol::exited>(parts->payload)) on_exit(std::move(*exit));
                continue;
            }
            const auto at = waiting_.find(parts->request);
            if (at == waiting_.end()) continue;
            auto& waits = *at->second;
            waiting_.erase(at);
            waits.got = {parts->type, std::string{parts->payload}, std::move(message->descriptors)};
            waits.has_come.set();
        }
    } catch (const error& e) {
        if (e.category() != errc::cancelled) log::warn("the connection to davit-shim broke: {}", e.text());
        failure = std::current_exception();
    }
    lose();
    if (failure) std::rethrow_exception(failure);
}

void shim_connection::lose() noexcept {
    is_lost_ = true;
    ::shutdown(socket_.fd(), SHUT_RDWR); // ends `receive`, and tells a shim that only sleeps
    for (const auto& [request, waits] : std::exchange(waiting_, {})) {
        waits->was_lost = true;
        waits->has_come.set();
    }
}

} // namespace davit
