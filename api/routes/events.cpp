#include <chrono>
#include <optional>

#include "api/event_views.h"
#include "api/moment.h"
#include "api/routes/handlers.h"
#include "core/error.h"
#include "core/timeout.h"
#include "io/json.h"

namespace davit::api::routes {

namespace {

using clock = std::chrono::system_clock;

/// Which events a client wants.
struct event_query {
    filters only;
    std::optional<clock::time_point> since;
    std::optional<clock::time_point> until;

    bool wants(const engine_event& event) const {
        return (!since || event.time >= *since) && (!until || event.time <= *until) && passes(only, event);
    }
};

event_query read_event_query(const exchange& request) {
    event_query query;
    query.only = filters::parse(request.text("filters"));
    query.since = parse_moment(request.text("since"), "since");
    query.until = parse_moment(request.text("until"), "until");
    if (query.since && query.until && *query.since > *query.until)
        throw error(errc::invalid, "`since` time ({}) cannot be after `until` time ({})", request.text("since"),
                    request.text("until"));
    return query;
}

/// Counts a stream that is open.
class listener_count {
  public:
    explicit listener_count(std::int64_t& counter) noexcept : counter_{counter} { ++counter_; }
    ~listener_count() { --counter_; }
    listener_count(const listener_count&) = delete;
    listener_count& operator=(const listener_count&) = delete;

  private:
    std::int64_t& counter_;
};

/// Sends what has happened since `at`, and goes on as it happens.
task<void> send_events(engine& serves, io::http_body_writer body, event_query query, event_bus::position at,
                       api_version version) {
    while (true) {
        std::string lines;
        while (const engine_event* event = serves.events.find(at)) {
            if (query.wants(*event)) {
                io::append_json(lines, describe(*event, version));
                lines += '\n';
            }
            ++at;
        }
        if (!lines.empty()) co_await body.write(lines);
        if (at < serves.events.begin())
            throw error(errc::unavailable, "the client reads events more slowly than they happen");
        if (query.until && *query.until <= clock::now()) co_return;
        if (serves.events.find(at)) continue;
        co_await serves.events.wait_beyond(at);
    }
}

task<bool> ends_in_time(task<void> work, clock::time_point until) {
    try {
        co_await with_timeout(until - clock::now(), "the stream of events", std::move(work));
        co_return true;
    } catch (const error& e) {
        if (e.category() != errc::timed_out) throw;
        co_return false;
    }
}

} // namespace

task<void> events(engine& serves, exchange& request) {
    const auto query = read_event_query(request);
    const listener_count counts{serves.event_listeners};
    const auto at =
        query.since || (query.until && *query.until <= clock::now()) ? serves.events.begin() : serves.events.end();
    auto body = co_await request.http().begin_stream(request.head(200, "application/json"));
    auto sending = send_events(serves, body, query, at, request.version());
    if (query.until && *query.until > clock::now())
        co_await ends_in_time(std::move(sending), *query.until);
    else
        co_await std::move(sending);
    co_await body.finish();
}

} // namespace davit::api::routes
