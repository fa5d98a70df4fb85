#include "core/object_id.h"

#include <random>

#include <fmt/format.h>

namespace davit {

std::string new_object_id() {
    std::random_device source; // Linux: the kernel's or the processor's random numbers, not a seeded sequence
    std::string id;
    id.reserve(64);
    while (id.size() < 64) fmt::format_to(std::back_inserter(id), "{:08x}", source());
    return id;
}

} // namespace davit
