#include <charconv>

#include "api/moment.h"
#include "api/routes/handlers.h"
#include "api/stdcopy.h"
#include "api/stream_type.h"
#include "core/error.h"

namespace davit::api::routes {

namespace {

std::optional<std::uint64_t> read_tail(const exchange& request) {
    const auto text = request.text("tail");
    if (text.empty() || text == "all") return std::nullopt;
    std::int64_t lines = 0;
    const char* end = text.data() + text.size();
    const auto [at, failed] = std::from_chars(text.data(), end, lines);
    // As with Docker, what is no number of lines asks for all of them.
    if (failed != std::errc{} || at != end || lines < 0) return std::nullopt;
    return static_cast<std::uint64_t>(lines);
}

log_query read_log_query(const exchange& request) {
    log_query query;
    query.standard_output = request.flag("stdout");
    query.standard_error = request.flag("stderr");
    if (!query.standard_output && !query.standard_error)
        throw error(errc::invalid, "Bad parameters: you must choose at least one stream");
    query.follow = request.flag("follow");
    query.since = parse_moment(request.text("since"), "since");
    query.until = parse_moment(request.text("until"), "until");
    query.tail = read_tail(request);
    return query;
}

} // namespace

task<void> container_logs(engine& serves, exchange& request) {
    const auto query = read_log_query(request);
    const auto& container = serves.containers.get(request.path("id"));
    const bool is_tty = container.config.tty;
    log_format format{!is_tty, request.flag("timestamps"), {}};
    if (request.flag("details")) format.details = log_details(serves.containers.log_attributes(container));
    const auto reader = co_await serves.containers.logs(container.id, query);
    auto body = co_await request.http().begin_stream(request.head(200, stream_type(is_tty, request.version())));
    std::string frames;
    while (const auto* batch = co_await reader->next()) {
        frames.clear();
        append_messages(frames, *batch, format);
        co_await body.write(frames);
    }
    co_await body.finish();
}

} // namespace davit::api::routes
