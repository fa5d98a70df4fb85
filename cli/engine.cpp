#include "cli/engine.h"

#include <cerrno>

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

} // namespace

std::string encoded(std::string_view text) {
    return io::percent_encode(text);
}

std::string container_path(std::string_view name) {
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
      shown_host_{std::move(address.host)},
      api_version_{address.api_version.empty() ? std::string{default_api_version} : std::move(address.api_version)},
      origin_{std::move(origin)} {
    io::http_client_options options;
    // An engine may be busy with what was sent, and waits and logs may take for ever.
    options.send_timeout = options.head_timeout = options.body_timeout = std::chrono::milliseconds{0};
    client_ = std::make_unique<io::http_client>(io::make_connector(std::move(context)), options);
}

task<io::http_client_response> engine::request(io::http_method method, std::string path, std::string body,
                                               headers more) {
    io::http_request_head head;
    head.method = method;
    head.target = fmt::format("/v{}{}", api_version_, path);
    head.headers.add("Host", origin_.scheme == "unix" ? "davit" : origin_.host);
    head.headers.add("User-Agent", "davit");
    if (!body.empty()) head.headers.add("Content-Type", "application/json");
    for (const auto& [name, value] : more) head.headers.add(name, value);
    try {
        co_return co_await client_->request(origin_, std::move(head), std::move(body));
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        switch (e.system_errno()) {
        case ENOENT:
        case ECONNREFUSED:
            throw error(errc::unavailable, "Cannot connect to the Davit daemon at {}. Is the davit daemon running?",
                        shown_host_);
        case EACCES:
        case EPERM:
            throw error(errc::denied, "permission denied while trying to connect to the Davit daemon socket at {}: {}",
                        shown_host_, e.text());
        default:
            if (e.category() == errc::unavailable && origin_.scheme == "http")
                throw error(errc::unavailable, "Cannot connect to the Davit daemon at {}. Is the davit daemon running?",
                            shown_host_);
            throw error(errc::unavailable, "error during connect: {}", e.text());
        }
    }
}

task<io::http_client_response> engine::open(io::http_method method, std::string path, headers more) {
    auto response = co_await request(method, std::move(path), {}, std::move(more));
    if (response.status() < 400) co_return response;
    const unsigned status = response.status();
    const std::string body = co_await response.read_all(answer_limit);
    throw engine_error(status, io::parse<api::error_message>(body, "the engine's error").message);
}

task<std::string> engine::ask(io::http_method method, std::string path, std::string body) {
    auto response = co_await request(method, std::move(path), std::move(body), {});
    const unsigned status = response.status();
    std::string answer = co_await response.read_all(answer_limit);
    if (status < 400) co_return answer;
    throw engine_error(status, io::parse<api::error_message>(answer, "the engine's error").message);
}

task<io::stream_ptr> engine::hijack(std::string path) {
    headers upgrade;
    upgrade.emplace("Connection", "Upgrade");
    upgrade.emplace("Upgrade", "tcp");
    auto response = co_await open(io::http_method::post, std::move(path), std::move(upgrade));
    co_return response.hijack();
}

} // namespace davit::cli
