#include "io/http_parser.h"

#include <llhttp.h>
#include <optional>
#include <utility>

#include "core/error.h"
#include "io/url.h"

namespace davit::io {

namespace {

std::optional<http_method> method_of(std::uint8_t llhttp_method) noexcept {
    switch (llhttp_method) {
    case HTTP_GET:
        return http_method::get;
    case HTTP_HEAD:
        return http_method::head;
    case HTTP_POST:
        return http_method::post;
    case HTTP_PUT:
        return http_method::put;
    case HTTP_PATCH:
        return http_method::patch;
    case HTTP_DELETE:
        return http_method::del;
    case HTTP_OPTIONS:
        return http_method::options;
    case HTTP_CONNECT:
        return http_method::connect;
    case HTTP_TRACE:
        return http_method::trace;
    default:
        return std::nullopt;
    }
}

} // namespace

struct http_parser::state {
    llhttp_t native{};
    llhttp_type_t type;
    http_limits limits;
    http_request_head request;
    http_response_head response;
    http_headers trailers;

    event what = event::need_input;
    const_bytes data;
    unsigned refusal_status = 0; // of a limit or check of ours; llhttp has stopped then
    const char* refusal = "";

    http_headers* filling = nullptr; // the head's fields, then the trailers
    std::size_t header_bytes = 0;    // of the block that is being filled
    std::uint64_t extension_bytes = 0;
    bool is_inside_name = false;
    bool no_body_expected = false;
    bool is_inside_message = false;
    bool should_keep_alive = false;
    bool is_chunked = false;
    bool has_body = false;
    std::uint64_t content_length = 0;

    static state& of(llhttp_t* native) noexcept { return *static_cast<state*>(native->data); }

    int refuse(unsigned status, const char* why) noexcept {
        refusal_status = status;
        refusal = why;
        return HPE_USER;
    }

    int pause_with(event happened) noexcept {
        what = happened;
        return HPE_PAUSED;
    }

    void begin() {
        static const llhttp_settings_t settings = make_settings();
        llhttp_init(&native, type, &settings);
        native.data = this;
        request.target.clear();
        request.headers.clear();
        response.headers.clear();
        response.reason.clear();
        trailers.clear();
        filling = type == HTTP_REQUEST ? &request.headers : &response.headers;
        header_bytes = 0;
        extension_bytes = 0;
        is_inside_name = is_inside_message = is_chunked = has_body = no_body_expected = false;
        content_length = 0;
    }

    int add_header_bytes(std::size_t size) noexcept {
        header_bytes += size;
        const bool are_trailers = filling == &trailers;
        if (header_bytes > (are_trailers ? limits.trailer_bytes : limits.header_bytes))
            return refuse(431, "the header fields are too long");
        return 0;
    }

    int on_name(const char* at, std::size_t size) {
        if (!is_inside_name) {
            if (filling->entries_.size() >= limits.header_count) return refuse(431, "there are too many header fields");
            filling->entries_.push_back({static_cast<std::uint32_t>(filling->text_.size()), 0, 0, 0});
            is_inside_name = true;
        }
        if (const int refused = add_header_bytes(size)) return refused;
        filling->text_.append(at, size);
        filling->entries_.back().name_size += static_cast<std::uint32_t>(size);
        return 0;
    }

    int on_name_end() noexcept {
        is_inside_name = false;
        filling->entries_.back().value_begin = static_cast<std::uint32_t>(filling->text_.size());
        return 0;
    }

    int on_value(const char* at, std::size_t size) {
        if (const int refused = add_header_bytes(size)) return refused;
        filling->text_.append(at, size);
        filling->entries_.back().value_size += static_cast<std::uint32_t>(size);
        return 0;
    }

    int on_value_end() noexcept {
        // Optional white space after the value is no part of it (RFC 9110 §5.5).
        auto& e = filling->entries_.back();
        while (e.value_size > 0) {
            const char last = filling->text_[e.value_begin + e.value_size - 1];
            if (last != ' ' && last != '\t') break;
            --e.value_size;
        }
        return 0;
    }

    /// What llhttp leaves open or takes more kindly than we do.
    int check_head() noexcept {
        // A request line without a version is HTTP/0.9, which has no header fields; llhttp reads some all the same.
        if (native.http_major != 1) return refuse(505, "the version of HTTP is not 1.0 or 1.1");
        const http_headers& headers = *filling;
        const bool has_encoding = headers.has("Transfer-Encoding");
        if (has_encoding && headers.has("Content-Length"))
            return refuse(400, "both Content-Length and Transfer-Encoding are given");
        if (has_encoding && (headers.count("Transfer-Encoding") != 1 ||
                             !equals_ignoring_case(headers.get("Transfer-Encoding"), "chunked")))
            return refuse(type == HTTP_REQUEST ? 501 : 400, "the only transfer encoding taken is chunked");
        if (has_encoding && native.http_minor == 0) return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
        if (type == HTTP_RESPONSE) return 0;
        const std::size_t hosts = headers.count("Host");
        if (hosts > 1) return refuse(400, "there is more than one Host header");
        if (hosts == 0 && native.http_minor > 0) return refuse(400, "the Host header is missing");
        return 0;
    }

    /// A target with a scheme and a host is taken as its path, and its host in place of the Host field (RFC 9112
    /// §3.2.2).
    int take_absolute_form() noexcept {
        if (request.target.starts_with('/') || request.target == "*") return 0;
        try {
            const url whole = url::parse(request.target);
            if (whole.scheme != "http" && whole.scheme != "https")
                return refuse(400, "the scheme of the request target is not http or https");
            request.target = whole.target();
            filling->set("Host", whole.authority());
        } catch (const error&) {
            return refuse(400, "the request target is no path and no address");
        }
        return 0;
    }

    int on_head() noexcept {
        if (const int refused = check_head()) return refused;
        if (type == HTTP_REQUEST) {
            if (const int refused = take_absolute_form()) return refused;
            const auto method = method_of(native.method);
            if (!method) return refuse(501, "the method is not known here");
            request.method = *method;
            request.minor_version = native.http_minor;
            // An upgrade is the handler's to accept; until then what follows is HTTP.
            native.upgrade = 0;
        } else {
            response.status = native.status_code;
            response.minor_version = native.http_minor;
            if (no_body_expected) native.flags |= F_SKIPBODY;
        }
        is_chunked = (native.flags & F_CHUNKED) != 0;
        content_length = (native.flags & F_CONTENT_LENGTH) ? native.content_length : 0;
        should_keep_alive = llhttp_should_keep_alive(&native) != 0;
        has_body = !no_body_expected &&
                   (is_chunked || content_length > 0 || (type == HTTP_RESPONSE && llhttp_message_needs_eof(&native)));
        filling = &trailers;
        header_bytes = 0;
        return pause_with(event::head);
    }

    static llhttp_settings_t make_settings() noexcept {
        llhttp_settings_t s;
        llhttp_settings_init(&s);
        s.on_message_begin = [](llhttp_t* p) {
            of(p).is_inside_message = true;
            return 0;
        };
        s.on_url = [](llhttp_t* p, const char* at, std::size_t size) {
            state& self = of(p);
            if (self.request.target.size() + size > self.limits.target_bytes)
                return self.refuse(414, "the request target is too long");
            self.request.target.append(at, size);
            return 0;
        };
        s.on_status = [](llhttp_t* p, const char* at, std::size_t size) {
            state& self = of(p);
            if (const int refused = self.add_header_bytes(size)) return refused;
            self.response.reason.append(at, size);
            return 0;
        };
        s.on_version_complete = [](llhttp_t* p) {
            return p->http_major == 1 ? 0 : of(p).refuse(505, "the version of HTTP is not 1.0 or 1.1");
        };
        s.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) { return of(p).on_name(at, size); };
        s.on_header_field_complete = [](llhttp_t* p) { return of(p).on_name_end(); };
        s.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) { return of(p).on_value(at, size); };
        s.on_header_value_complete = [](llhttp_t* p) { return of(p).on_value_end(); };
        s.on_headers_complete = [](llhttp_t* p) { return of(p).on_head(); };
        s.on_chunk_extension_name = s.on_chunk_extension_value = [](llhttp_t* p, const char*, std::size_t size) {
            state& self = of(p);
            self.extension_bytes += size;
            if (self.extension_bytes > self.limits.chunk_extension_bytes)
                return self.refuse(400, "the chunk extensions are too long");
            return 0;
        };
        s.on_body = [](llhttp_t* p, const char* at, std::size_t size) {
            if (size == 0) return 0; // no input was given, and the body goes on
            of(p).data = std::as_bytes(std::span{at, size});
            return of(p).pause_with(event::body);
        };
        s.on_message_complete = [](llhttp_t* p) {
            of(p).is_inside_message = false;
            return of(p).pause_with(event::end);
        };
        return s;
    }
};

http_parser::http_parser(kind of, const http_limits& limits) : state_{std::make_unique<state>()} {
    state_->type = of == kind::request ? HTTP_REQUEST : HTTP_RESPONSE;
    state_->limits = limits;
    state_->begin();
}

http_parser::http_parser(http_parser&&) noexcept = default;
http_parser& http_parser::operator=(http_parser&&) noexcept = default;
http_parser::~http_parser() = default;

http_parser::step http_parser::next(const_bytes input) {
    state& s = *state_;
    s.what = event::need_input;
    s.data = {};
    const char* const begin = reinterpret_cast<const char*>(input.data());
    const llhttp_errno_t result = llhttp_execute(&s.native, begin, input.size());
    if (result == HPE_OK) return {event::need_input, input.size(), {}};
    if (result == HPE_PAUSED) {
        const char* const stopped_at = llhttp_get_error_pos(&s.native);
        llhttp_resume(&s.native);
        return {s.what, static_cast<std::size_t>(stopped_at - begin), s.data};
    }
    if (s.refusal_status) {
        const bool is_limit = s.refusal_status == 414 || s.refusal_status == 431;
        throw http_error(s.refusal_status, is_limit ? errc::too_large : errc::invalid, "{}", s.refusal);
    }
    const char* const reason = llhttp_get_error_reason(&s.native);
    throw http_error(400, errc::invalid, "this is not HTTP: {}",
                     reason && *reason ? reason : llhttp_errno_name(result));
}

bool http_parser::finish() {
    state& s = *state_;
    if (!s.is_inside_message) return true;
    s.what = event::need_input;
    llhttp_finish(&s.native);
    return s.what == event::end;
}

void http_parser::reset() {
    state_->begin();
}

void http_parser::expect_no_body(bool none) noexcept {
    state_->no_body_expected = none;
}

http_request_head& http_parser::request() noexcept {
    return state_->request;
}
http_response_head& http_parser::response() noexcept {
    return state_->response;
}
http_headers& http_parser::trailers() noexcept {
    return state_->trailers;
}
bool http_parser::is_inside_message() const noexcept {
    return state_->is_inside_message;
}
bool http_parser::should_keep_alive() const noexcept {
    return state_->should_keep_alive;
}
bool http_parser::is_chunked() const noexcept {
    return state_->is_chunked;
}
std::uint64_t http_parser::content_length() const noexcept {
    return state_->content_length;
}
bool http_parser::has_body() const noexcept {
    return state_->has_body;
}

} // namespace davit::io
