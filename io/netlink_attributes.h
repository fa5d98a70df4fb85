#pragma once

#include <cstddef>
#include <cstring>
#include <libmnl/libmnl.h>
#include <string>

// Reading netlink attributes out of bytes that are not believed: for the netlink sources only, since it brings libmnl.

namespace davit::io {

/// Calls `visit(attribute)` for each whole attribute in `length` bytes, and stops at the first that is not.
template <class Visit> void each_attribute(const void* begin, std::size_t length, Visit visit) {
    const auto* bytes = static_cast<const char*>(begin);
    while (length >= sizeof(nlattr)) {
        const auto* attribute = reinterpret_cast<const nlattr*>(bytes);
        if (!mnl_attr_ok(attribute, static_cast<int>(length))) return;
        visit(*attribute);
        const std::size_t whole = MNL_ALIGN(attribute->nla_len);
        if (whole >= length) return;
        bytes += whole;
        length -= whole;
    }
}

/// The text of an attribute up to its NUL or its end.
inline std::string text_in(const nlattr& attribute) {
    const auto* text = static_cast<const char*>(mnl_attr_get_payload(&attribute));
    return {text, ::strnlen(text, mnl_attr_get_payload_len(&attribute))};
}

} // namespace davit::io
