#include "cli/engine.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "cli/option_values.h"
#include "io/tls.h"
#include "io/url.h"

namespace davit::cli {

namespace {

constexpr std::size_t answer_limit = 256u << 20;

io::http_origin origin_of(const engine_address& address) {
    const std::string rest = address.host.substr(address.host.find("://") + 3);
    if (address.host.starts_with("unix://")) return {"unix", rest, 0};
    const io::url parsed = io::url::parse("http://" + rest);
    return {address.uses_tls ? "https" : "http", parsed.host, parsed.port};
}

/// Engines and what stands before them (proxies) may also answer in plain words.
engine_error refusal_of(const io::http_client_response& answer, std::string_view body) {
    std::string said = trimmed(body);
    if (answer.head().headers.get("Content-Type").starts_with("application/json"))
        said = trimmed(io::parse<api::error_message>(body, "the engine's error").message);
    if (said.empty())
        said = fmt::format("API returned a {} ({}) but provided no error-message", answer.status(),
                           io::reason_of(answer.status()));
    return {answer.status(), std::move(said)};
}

} // namespace

bool is_older_version(std::string_view one, std::string_view other) {
    const auto parts = [](std::string_view text) {
        std::array<unsigned, 2> numbers{}; // major, minor
        const char* at = text.data();
        for (unsigned& number : numbers) {
            at = std::from_chars(at, text.data() + text.size(), number).ptr;
            if (at != text.data() + text.size()) ++at;
        }
        return numbers;
    };
    return parts(one) < parts(other);
}

std::string encoded(std::string_view text) {
    return io::percent_encode(text);
}

std::string container_path(std::string_view name) {
    name.remove_prefix(std::min(name.find_first_not_of('/'), name.size())); // as inspect shows names: "/box"
    if (name.empty()) throw name_error("invalid container name or ID: value is empty");
    return "/containers/" + encoded(name);
}

task<std::unique_ptr<engine>> engine::make(engine_address address) {
    io::http_origin origin = origin_of(address);
    io::tls_context_ptr context;
    if (address.uses_tls) {
        io::tls_client_options options;
        if (!address.ca_file.empty()) options.authority_files.push_back(address.ca_file);
        options.certificate_file = address.certificate_file;
        options.key_file = address.key_file;
        options.is_insecure = !address.verifies_server;
        context = co_await io::make_tls_context(std::move(options));
    }
    co_return std::unique_ptr<engine>{new engine{std::move(address), std::move(origin), std::move(context)}};
}

engine::engine(engine_address address, io::http_origin origin, io::tls_context_ptr context)
    : context_{std::move(address.context)},
      host_{std::move(address.host)},
      headers_{std::move(address.headers)},
      is_version_demanded_{!address.api_version.empty()},
      api_version_{address.api_version.empty() ? std::string{default_api_version} : std::move(address.api_version)},
      origin_{std::move(origin)} {
    io::http_client_options options;
    // An engine may be busy with what was sent, and waits and logs may take for ever.
    options.send_timeout = options.head_timeout = options.body_timeout = std::chrono::milliseconds{0};
    client_ = std::make_unique<io::http_client>(io::make_connector(std::move(context)), options);
}

task<void> engine::find_version() {
    try {
        takes_version_of(co_await send(io::http_method::head, "/_ping", {}, {}));
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
    }
}

bool engine::takes_version_of(const io::http_client_response& answer) {
    const std::string_view theirs = answer.head().headers.get("Api-Version");
    if (is_version_demanded_ || theirs.empty() || !is_older_version(theirs, api_version_)) return false;
    api_version_ = theirs;
    return true;
}

task<io::http_client_response> engine::request(io::http_method method, std::string path, std::string body,
                                               headers more) {
    auto response = co_await send(method, fmt::format("/v{}{}", api_version_, path), body, more);
    if (!takes_version_of(response) || response.status() != 400) co_return response;
    co_await response.read_all(answer_limit);
    co_return co_await send(method, fmt::format("/v{}{}", api_version_, path), std::move(body), std::move(more));
}

task<io::http_client_response> engine::send(io::http_method method, std::string target, std::string body,
                                            headers more) {
    io::http_request_head head;
    head.method = method;
    head.target = std::move(target);
    for (const auto& [name, value] : headers_) head.headers.add(name, value);
    head.headers.set("Host", origin_.scheme == "unix" ? "davit" : origin_.host);
    head.headers.set("User-Agent", "davit");
    if (!body.empty()) head.headers.set("Content-Type", "application/json");
    for (const auto& [name, value] : more) head.headers.set(name, value);
    try {
        co_return co_await client_->request(origin_, std::move(head), std::move(body));
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        switch (e.system_errno()) {
        case ENOENT:
        case ECONNREFUSED:
            throw error(errc::unavailable, "Cannot connect to the Davit daemon at {}. Is the davit daemon running?",
                        host_);
        case EACCES:
        case EPERM:
            throw error(errc::denied, "permission denied while trying to connect to the Davit daemon socket at {}: {}",
                        host_, e.text());
        default:
            if (e.category() == errc::unavailable && origin_.scheme == "http")
                throw error(errc::unavailable, "Cannot connect to the Davit daemon at {}. Is the davit daemon running?",
                            host_);
            throw error(errc::unavailable, "error during connect: {}", e.text());
        }
    }
}

task<io::http_client_response> engine::open(io::http_method method, std::string path, headers more) {
    auto response = co_await request(method, std::move(path), {}, std::move(more));
    if (response.status() < 400) co_return response;
    const std::string body = co_await response.read_all(answer_limit);
    throw refusal_of(response, body);
}

task<std::string> engine::ask(io::http_method method, std::string path, std::string body, headers more) {
    auto response = co_await request(method, std::move(path), std::move(body), std::move(more));
    std::string answer = co_await response.read_all(answer_limit);
    if (response.status() < 400) co_return answer;
    throw refusal_of(response, answer);
}

task<io::stream_ptr> engine::hijack(std::string path) {
    headers upgrade;
    upgrade.emplace("Connection", "Upgrade");
    upgrade.emplace("Upgrade", "tcp");
    auto response = co_await open(io::http_method::post, std::move(path), std::move(upgrade));
    co_return response.hijack();
}

} // namespace davit::cli
