// Any bytes where a client of the API puts its own: paths, queries' values, bodies, patterns, keys, credentials.
#include <cstdint>

#include "api/api_version.h"
#include "api/create_body.h"
#include "api/detach_keys.h"
#include "api/exchange.h"
#include "api/filters.h"
#include "api/glob.h"
#include "api/moment.h"
#include "api/name_pattern.h"
#include "api/path_pattern.h"
#include "api/registry_credentials.h"
#include "core/error.h"
#include "io/json.h"
#include "io/repeated_keys.h"

namespace {

void refuses_or_takes(auto call) {
    try {
        call();
    } catch (const davit::error&) {
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace davit::api;
    if (size == 0) return 0;
    const std::string_view text{reinterpret_cast<const char*>(data + 1), size - 1};
    const auto half = text.substr(0, text.size() / 2);
    const auto rest = text.substr(text.size() / 2);
    switch (data[0] % 8) {
    case 0:
        if (const auto path = split_request_path(text)) {
            static_cast<void>(match_path("/images/{name...}/json", path->segments));
            static_cast<void>(match_path("/containers/{id}", path->segments));
            static_cast<void>(parse_api_version(path->version));
        }
        break;
    case 1:
        refuses_or_takes([&] { filters::parse(text).allow({"name"}); });
        break;
    case 2:
        static_cast<void>(name_pattern{half}.matches(rest));
        static_cast<void>(matches_glob(half, rest));
        break;
    case 3:
        refuses_or_takes([&] { parse_moment(text, "since"); });
        break;
    case 4:
        refuses_or_takes([&] {
            detach_watch watch{parse_detach_keys(half)};
            std::string forward;
            static_cast<void>(watch.feed(rest, forward));
        });
        break;
    case 5:
        static_cast<void>(parse_registry_auth(text));
        break;
    case 6:
        refuses_or_takes([&] {
            davit::io::refuse_repeated_keys(text, "body");
            to_create_request(davit::io::parse<received_body>(text, "body"), "", "");
        });
        break;
    default:
        static_cast<void>(parse_flag(text));
    }
    return 0;
}
