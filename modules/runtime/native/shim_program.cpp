#include "modules/runtime/native/shim_program.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/error.h"
#include "io/process.h"

namespace davit {

std::string find_shim_program(const std::string& configured) {
    if (!configured.empty()) return configured;
    std::error_code none;
    const auto beside = std::filesystem::read_symlink("/proc/self/exe", none).parent_path() / "davit-shim";
    constexpr const char* packaged = "/usr/libexec/davit/davit-shim";
    for (const auto& place : {beside.string(), std::string{packaged}})
        if (access(place.c_str(), X_OK) == 0) return place;
    throw error(errc::not_found, "davit-shim is neither at {} nor at {}; name it with --shim-path", beside.string(),
                packaged);
}

std::optional<io::descriptor> connect_to_shim(const std::string& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.size() >= sizeof address.sun_path)
        throw error(errc::invalid, "the path of davit-shim's socket, {}, is too long; choose a shorter --exec-root",
                    socket);
    std::memcpy(address.sun_path, socket.c_str(), socket.size());
    // Without waiting for room in the queue of a shim that accepts nobody: this is the loop.
    io::descriptor connection{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!connection) throw error::system(errno, "making a socket");
    if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
        if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
        if (errno == EAGAIN) throw error(errc::unavailable, "davit-shim at {} accepts no connection", socket);
        throw error::system(errno, "connecting to davit-shim at {}", socket);
    }
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        throw error::system(errno, "asking who listens at {}", socket);
    if (peer.uid != geteuid()) throw error(errc::denied, "another user's process listens at {}", socket);
    return connection;
}

task<void> start_shim(shim_program program) {
    io::process_options options;
    options.argv = {program.path, "--socket", program.socket};
    const auto output = co_await io::run_process(std::move(options));
    if (!output.exit.is_success())
        throw error(errc::unavailable, "davit-shim did not start (exit status {}): {}", output.exit.code,
                    output.standard_error);
}

} // namespace davit
