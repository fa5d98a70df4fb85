#include "core/error.h"

#include <cerrno>
#include <system_error>

namespace davit {

std::string_view to_string(errc category) noexcept {
    switch (category) {
    case errc::invalid:
        return "invalid";
    case errc::unauthenticated:
        return "unauthenticated";
    case errc::denied:
        return "denied";
    case errc::not_found:
        return "not found";
    case errc::conflict:
        return "conflict";
    case errc::unsupported:
        return "unsupported";
    case errc::too_large:
        return "too large";
    case errc::unavailable:
        return "unavailable";
    case errc::timed_out:
        return "timed out";
    case errc::cancelled:
        return "cancelled";
    case errc::internal:
        return "internal";
    }
    return "internal";
}

namespace {

errc category_of(int number) noexcept {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
        return errc::denied;
    case EEXIST:
    case EBUSY:
    case ENOTEMPTY:
        return errc::conflict;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EAGAIN:
        return errc::unavailable;
    case ETIMEDOUT:
        return errc::timed_out;
    case ECANCELED:
        return errc::cancelled;
    default:
        return errc::internal;
    }
}

} // namespace

error error::from_errno(int number, std::string text) {
    error made{category_of(number), "{}: {}", text, std::generic_category().message(number)};
    made.errno_ = number;
    return made;
}

} // namespace davit
