#pragma once

#include <string>

namespace davit {

/// A new random id of a container, a network, an endpoint: 64 lower-case hexadecimal digits, as Docker's are.
std::string new_object_id();

} // namespace davit
