#include <exception>
#include <optional>

#include "api/progress_lines.h"
#include "api/registry_credentials.h"
#include "api/routes/handlers.h"
#include "api/status.h"
#include "core/error.h"
#include "core/platform.h"
#include "core/scope.h"

namespace davit::api::routes {

namespace {

pull_request read_pull_request(const exchange& request) {
    const auto name = request.text("fromImage");
    if (name.empty()) {
        if (request.has("fromSrc"))
            throw error(errc::unsupported, "importing an image is not supported by this version of Davit");
        throw error(errc::invalid, "the parameter fromImage is missing: it names the image to pull");
    }
    pull_request asked;
    asked.image = image_reference::parse(name);
    if (asked.image.familiar_name() == "scratch") throw error(errc::denied, "'scratch' is a reserved name");
    if (const auto tag = request.text("tag"); tag.find(':') != std::string::npos)
        asked.image = asked.image.with_digest(digest::parse(tag));
    else if (!tag.empty())
        asked.image = asked.image.with_tag(tag);
    asked.platform = request.text("platform");
    if (!asked.platform.empty()) parse_platform(asked.platform); // before a registry is asked
    asked.credentials = parse_registry_auth(request.header("X-Registry-Auth"));
    return asked;
}

/// What a pull that fails before its first line is answered with, as Docker does: an image that the registry does not
/// show to this client is not found; a registry that can't be talked to is the server's fault.
error as_pull_failure(const error& failure) {
    switch (failure.category()) {
    case errc::denied:
        return error(errc::not_found, "{}", failure.text());
    case errc::unavailable:
    case errc::timed_out:
        return error(errc::internal, "{}", failure.text());
    default:
        return failure;
    }
}

/// Runs the pull and closes `lines` when it has ended. Its failure is kept: lines may have to be sent before it.
task<void> pull_into(engine& serves, pull_request asked, progress_lines& lines, std::optional<error>& failure) {
    try {
        co_await serves.image_commands.pull(std::move(asked),
                                            [&lines](const progress_update& update) { lines.add(update); });
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        failure = as_pull_failure(e);
    }
    lines.close();
}

} // namespace

task<void> create_image(engine& serves, exchange& request) {
    auto asked = read_pull_request(request);
    co_await request.http().read_all(no_body_limit);
    request.http().cancel_on_disconnect(); // nobody is left to tell of the pull
    progress_lines lines;
    std::optional<error> failure;
    co_await with_scope([&](scope& children) -> task<void> {
        children.spawn(pull_into(serves, std::move(asked), lines, failure));
        co_await lines.wait();
        if (lines.is_empty() && failure) throw *failure;
        auto body = co_await request.http().begin_stream(request.head(200, "application/json"));
        while (true) {
            co_await lines.wait();
            if (lines.is_empty()) break;
            co_await body.write(lines.take());
        }
        if (failure) co_await body.write(failure_line(failure->text()));
        co_await body.finish();
    });
}

} // namespace davit::api::routes
