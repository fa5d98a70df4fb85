#pragma once

#include <string>
#include <vector>

namespace davit::io {

/// The names in an open directory, but for "." and ".."; in no order. The descriptor stays the caller's, and its
/// position as it is. Blocks: for workers. Errors: system.
std::vector<std::string> names_in(int directory);

} // namespace davit::io
