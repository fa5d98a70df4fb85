#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_version.h"
#include "api/path_pattern.h"
#include "core/task.h"
#include "io/http_server.h"
#include "io/json.h"
#include "io/offload.h"
#include "io/repeated_keys.h"
#include "io/url.h"

namespace davit::api {

/// Bounds on what a request body may be.
inline constexpr std::size_t json_body_limit = 4u << 20;
inline constexpr std::size_t json_parsed_on_the_loop = 16u << 10; ///< A longer one is parsed on a worker
inline constexpr std::size_t no_body_limit = 64u << 10;           ///< Of requests whose body nobody reads

/// One request with its decoded parts, and its answer. Lives as long as its handler.
class exchange {
  public:
    exchange(io::http_exchange& http, api_version version, path_parameters parameters, io::url_query query)
        : http_{http}, version_{version}, parameters_{std::move(parameters)}, query_{std::move(query)} {}

    io::http_exchange& http() noexcept { return http_; }
    api_version version() const noexcept { return version_; }
    std::string_view header(std::string_view name) const { return http_.head().headers.get(name); }

    /// A parameter of the path, which the route's pattern names.
    const std::string& path(std::string_view name) const;

    /// A parameter of the query; empty when it is missing.
    std::string text(std::string_view name) const { return std::string{query_.find(name).value_or("")}; }
    bool has(std::string_view name) const { return query_.find(name).has_value(); }
    /// All values of a parameter that may be given again and again.
    std::vector<std::string_view> texts(std::string_view name) const { return query_.all(name); }
    /// Docker's reading of a truth: "", "0", "no", "false" and "none" are false in any case of letters, all else is
    /// true.
    bool flag(std::string_view name, bool when_missing = false) const;
    /// A whole number; nothing when it is missing or empty. Errors: invalid for a text that is none.
    std::optional<std::int64_t> number(std::string_view name) const;

    /// Reads the body as JSON. Errors: invalid (another content type, nothing, not JSON, a key twice, more after it),
    /// http_error 413.
    template <class T> task<T> read_json(std::string_view what) {
        std::string body = co_await read_json_text();
        if (body.size() <= json_parsed_on_the_loop) co_return parse_strictly<T>(body, what);
        co_return co_await io::offload([body = std::move(body), what] { return parse_strictly<T>(body, what); });
    }

    /// A head with the headers that every answer has.
    io::http_response_head head(unsigned status, std::string_view content_type = {}) const;
    /// Answers without a body.
    task<void> respond(unsigned status);
    template <class T> task<void> respond_json(unsigned status, const T& value) {
        std::string body;
        io::append_json(body, value);
        return respond_text(status, "application/json", std::move(body) + "\n");
    }
    task<void> respond_text(unsigned status, std::string_view content_type, std::string body);

  private:
    task<std::string> read_json_text();
    template <class T> static T parse_strictly(std::string_view body, std::string_view what) {
        io::refuse_repeated_keys(body, what);
        return io::parse<T>(body, what);
    }

    io::http_exchange& http_;
    api_version version_;
    path_parameters parameters_;
    io::url_query query_;
};

/// Docker's reading of a truth, as `exchange::flag` applies it.
bool parse_flag(std::string_view text);

/// Adds Server, Api-Version, Ostype and Docker-Experimental.
void add_engine_headers(io::http_headers& headers);

} // namespace davit::api
