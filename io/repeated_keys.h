#pragma once

#include <string_view>

namespace davit::io {

/// Throws errc::invalid when an object in a JSON text has a key twice: two readers would see different documents.
/// `what` names the text in errors. Other errors: those of read_json.
void refuse_repeated_keys(std::string_view json, std::string_view what);

} // namespace davit::io
