#include "api/davitd/engine_identity.h"

#include <array>
#include <cerrno>
#include <sys/random.h>

#include "core/error.h"

namespace davit::api {

namespace {

/// A random UUID (RFC 9562 §5.4).
std::string make_uuid() {
    std::array<unsigned char, 16> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw error::system(errno, "asking the kernel for random bytes");
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += fmt::format("{:02x}", bytes[i]);
    }
    return text;
}

} // namespace

task<std::string> engine_identity(state_store& store) {
    for (auto& [key, value] : co_await store.load("engine"))
        if (key == "id" && !value.empty()) co_return value;
    auto made = make_uuid();
    store.put("engine", "id", made);
    co_await store.flush();
    co_return made;
}

} // namespace davit::api
