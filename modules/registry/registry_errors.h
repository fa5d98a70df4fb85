#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "io/http.h"

namespace davit {

/// A refusal with its code (OCI distribution-spec §Error codes).
class registry_error : public error {
  public:
    registry_error(unsigned status, std::string_view code, std::string text)
        : error{errc::invalid, "{}", text}, status_{status}, code_{code} {}

    unsigned status() const noexcept { return status_; }
    /// {"errors":[{"code":…,"message":…}]}
    io::http_response response() const;

  private:
    unsigned status_;
    std::string_view code_;
};

/// Whether the file system had no room left for somebody.
bool is_full_disk(const error& failure) noexcept;

/// In the registry's words, what went wrong in the parts that know nothing of them; `status`: of what was HTTP's own
/// refusal (io::http_failure_responder).
registry_error refusal_of(const error& failure, unsigned status = 500);

} // namespace davit
