#pragma once

#include <string>
#include <string_view>

namespace davit {

/// OCI distribution-spec §Pulling manifests: path components of lower-case letters and digits, separated by . _ __ or
/// hyphens; 255 bytes at most. Whatever passes is safe as a relative path.
bool is_repository_name(std::string_view text) noexcept;
/// 32 lower-case hexadecimal digits, as `make_upload_id` gives them.
bool is_upload_id(std::string_view text) noexcept;
/// From the kernel's random generator, so that nobody can guess another client's upload.
std::string make_upload_id();

} // namespace davit
