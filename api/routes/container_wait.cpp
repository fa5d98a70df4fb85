#include <optional>

#include "api/routes/handlers.h"
#include "api/types/wait_response.h"
#include "core/error.h"
#include "core/event.h"
#include "core/scope.h"

namespace davit::api::routes {

namespace {

wait_condition read_condition(const exchange& request) {
    const auto text = request.text("condition");
    if (text.empty() || text == "not-running") return wait_condition::not_running;
    if (text == "next-exit") return wait_condition::next_exit;
    if (text == "removed") return wait_condition::removed;
    throw error(errc::invalid, "invalid condition: \"{}\"", text);
}

/// Sends the head once the wait is in place: a client starts the container when it has seen it.
task<void> send_head(exchange& request, event& is_in_place, event& is_sent, std::optional<io::http_body_writer>& body) {
    co_await is_in_place.wait();
    body.emplace(co_await request.http().begin_stream(request.head(200, "application/json")));
    is_sent.set();
}

} // namespace

task<void> wait_container(engine& serves, exchange& request) {
    const auto until = read_condition(request);
    co_await request.http().read_all(no_body_limit);
    request.http().cancel_on_disconnect();
    event is_in_place;
    event is_sent;
    std::optional<io::http_body_writer> body;
    co_await with_scope([&](scope& children) -> task<void> {
        children.spawn(send_head(request, is_in_place, is_sent, body));
        const auto ended =
            co_await serves.containers.wait(request.path("id"), until, [&is_in_place] { is_in_place.set(); });
        is_in_place.set();
        co_await is_sent.wait();
        wait_response response;
        response.status_code = ended.code;
        if (!ended.error.empty()) response.error = wait_error{ended.error};
        co_await body->write(io::to_json(response) + "\n");
        co_await body->finish();
    });
}

} // namespace davit::api::routes
