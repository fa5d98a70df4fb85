#pragma once

#include <string_view>

#include "core/digest.h"
#include "io/sha256.h"

namespace davit {

inline digest digest_of(std::string_view content) {
    return digest::parse("sha256:" + io::sha256::hex_of(content));
}

} // namespace davit
