#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "api/types/error_message.h"
#include "core/error.h"
#include "core/task.h"
#include "io/http_client.h"
#include "io/json.h"
#include "io/stream.h"
#include "io/url.h"

namespace davit::cli {

/// What the engine answered with a status of 400 or more, in docker's words: "Error response from daemon: …".
class engine_error : public error {
  public:
    engine_error(unsigned status, std::string message)
        : error{errc::unavailable, "Error response from daemon: {}", message}, status_{status} {}
    unsigned status() const noexcept { return status_; }

  private:
    unsigned status_;
};

/// A name that can name nothing, which the engine is not asked for.
class name_error : public error {
  public:
    explicit name_error(std::string_view text) : error{errc::invalid, "{}", text} {}
};

/// How an engine is reached.
struct engine_address {
    std::string context = "default"; ///< The name of docker's context that has led to it
    std::string host;                ///< unix:///path or tcp://host:port
    bool uses_tls = false;
    bool verifies_server = true;
    std::string ca_file;
    std::string certificate_file;
    std::string key_file;
    std::string api_version;                    ///< Empty for the version that this program was written for
    std::map<std::string, std::string> headers; ///< That every request carries
};

/// One engine's API, of the version that the user demands; or else of the one that this program was written for, or the
/// engine's own where that is older. Docker asks for it first; here an engine that is older says so in its first
/// answer, and what it refused for that reason is asked again, so that no other engine costs a request more.
class engine {
  public:
    static constexpr std::string_view default_api_version = "1.50";
    /// Final with the first answer.
    const std::string& api_version() const noexcept { return api_version_; }
    const std::string& context() const noexcept { return context_; }
    /// unix:///path or tcp://host:port
    const std::string& host() const noexcept { return host_; }

    /// Reads the certificates; connects with the first request. Errors: invalid for an address that is none.
    static task<std::unique_ptr<engine>> make(engine_address address);

    using headers = std::map<std::string, std::string>;

    /// Asks nothing but the version. That nobody answers is said by the next request.
    task<void> find_version();

    /// One request and its whole answer. Errors: engine_error; unavailable when nobody listens.
    task<std::string> ask(io::http_method method, std::string path, std::string body = {}, headers more = {});
    template <class T> task<T> get(std::string path) {
        const std::string body = co_await ask(io::http_method::get, std::move(path));
        co_return io::parse<T>(body, "the engine's answer");
    }
    task<std::string> post(std::string path, std::string body = {}) {
        return ask(io::http_method::post, std::move(path), std::move(body));
    }
    /// One request whose answer is read as it comes. Errors: as `ask`.
    task<io::http_client_response> open(io::http_method method, std::string path, headers more = {});
    /// One request that turns the connection into a stream. Errors: as `ask`.
    task<io::stream_ptr> hijack(std::string path);

  private:
    engine(engine_address address, io::http_origin origin, io::tls_context_ptr context);
    task<io::http_client_response> request(io::http_method method, std::string path, std::string body, headers more);
    task<io::http_client_response> send(io::http_method method, std::string target, std::string body, headers more);
    bool takes_version_of(const io::http_client_response& answer);

    std::string context_;
    std::string host_;
    headers headers_;
    bool is_version_demanded_;
    std::string api_version_;
    io::http_origin origin_;
    std::unique_ptr<io::http_client> client_;
};

/// Whether "1.9" is older than "1.10".
bool is_older_version(std::string_view one, std::string_view other);

/// "/containers/NAME". Errors: name_error for an empty name.
std::string container_path(std::string_view name);

/// Encodes one path segment or query value.
std::string encoded(std::string_view text);

} // namespace davit::cli
