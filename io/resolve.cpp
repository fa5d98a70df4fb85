#include "io/resolve.h"

#include <algorithm>
#include <memory>
#include <netdb.h>
#include <utility>
#include <uv.h>

#include "core/error.h"
#include "core/suspension.h"
#include "io/loop.h"

namespace davit::io {

namespace {

std::size_t under_way = 0; // on the loop's thread only

std::vector<socket_address> alternating(const addrinfo* found) {
    std::vector<socket_address> first_family, other_family;
    for (const addrinfo* a = found; a; a = a->ai_next) {
        auto& list = a->ai_family == found->ai_family ? first_family : other_family;
        list.emplace_back(a->ai_addr, a->ai_addrlen);
    }
    std::vector<socket_address> all;
    for (std::size_t i = 0; i < std::max(first_family.size(), other_family.size()); ++i) {
        if (i < first_family.size()) all.push_back(first_family[i]);
        if (i < other_family.size()) all.push_back(other_family[i]);
    }
    return all;
}

/// One look-up on a worker, and not by `offload`: name servers that do not answer keep a worker for half a minute, and
/// libuv lets its own look-ups have half of the workers at most.
class look_up final : private suspension {
  public:
    look_up(const std::string& host, std::uint16_t port) : host_{host}, port_{std::to_string(port)} {}

    bool await_ready() const noexcept { return false; }
    template <class Promise> void await_suspend(std::coroutine_handle<Promise> waiting) {
        suspend(waiting);
        begin();
    }
    std::vector<socket_address> await_resume() {
        throw_if_cancelled();
        if (status_ != 0) throw failure(status_);
        return std::move(found_);
    }

  private:
    /// What the worker uses. It outlives an await that was cancelled.
    struct request {
        uv_getaddrinfo_t native{};
        look_up* asked_by = nullptr;
    };

    error failure(int status) const {
        return error(errc::unavailable, "looking up the host name {}: {}", host_, uv_strerror(status));
    }

    void begin() {
        auto asked = std::make_unique<request>();
        asked->native.data = asked.get();
        asked->asked_by = this;
        addrinfo wanted{};
        wanted.ai_socktype = SOCK_STREAM;
        wanted.ai_flags = AI_NUMERICSERV;
        if (const int failed =
                uv_getaddrinfo(loop::current().native(), &asked->native, &ended, host_.c_str(), port_.c_str(), &wanted))
            throw failure(failed);
        request_ = asked.release();
        ++under_way;
    }

    static void ended(uv_getaddrinfo_t* native, int status, addrinfo* found) {
        const std::unique_ptr<addrinfo, decltype(&uv_freeaddrinfo)> owner{found, &uv_freeaddrinfo};
        const std::unique_ptr<request> asked{static_cast<request*>(native->data)};
        --under_way;
        look_up* const self = asked->asked_by;
        if (!self) return;
        self->status_ = status;
        self->found_ = alternating(found);
        self->complete();
    }

    void cancel_requested() noexcept override {
        request_->asked_by = nullptr;
        uv_cancel(reinterpret_cast<uv_req_t*>(&request_->native));
        suspension::cancel_requested();
    }

    const std::string& host_;
    std::string port_;
    request* request_ = nullptr;
    int status_ = 0;
    std::vector<socket_address> found_;
};

} // namespace

task<std::vector<socket_address>> resolve(std::string host, std::uint16_t port) {
    if (socket_address::is_literal(host)) co_return std::vector{socket_address::from_literal(host, port)};
    if (host.empty() || host.find('\0') != host.npos) throw error(errc::invalid, "\"{}\" is no host name", host);
    look_up asked{host, port};
    co_return co_await asked;
}

std::size_t look_ups_under_way() noexcept {
    return under_way;
}

} // namespace davit::io
