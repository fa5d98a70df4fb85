#include "tests/pull/registry_process.h"

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace davit {
namespace {

pid_t start_program(const std::vector<std::string>& arguments, const std::filesystem::path& output) {
    std::vector<char*> words;
    for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (!output.empty()) {
        const int log = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(log, 1);
        ::dup2(log, 2);
    }
    ::execvp(words[0], words.data());
    ::_exit(127);
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(0);
    socklen_t length = sizeof address;
    ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
    ::close(fd);
    return ntohs(address.sin_port);
}

bool listens(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(port);
    const bool does = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return does;
}

} // namespace

int run_program(const std::vector<std::string>& arguments) {
    int status = 0;
    ::waitpid(start_program(arguments, {}), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

registry_process::registry_process(std::filesystem::path directory) : directory_{std::move(directory)} {
    std::filesystem::create_directories(directory_);
    for (int attempt = 0; attempt < 5; ++attempt) {
        port_ = free_port();
        std::ofstream{directory_ / "config.yml"}
            << "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: " << (directory_ / "data").string()
            << "\nhttp:\n  addr: 127.0.0.1:" << port_ << "\n";
        pid_ = start_program({"docker-registry", "serve", (directory_ / "config.yml").string()}, directory_ / "log");
        for (int wait = 0; wait < 500; ++wait) {
            if (listens(port_)) return;
            if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break; // somebody else took the port
            ::usleep(20'000);
        }
    }
    throw std::runtime_error("docker-registry did not start");
}

registry_process::~registry_process() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void registry_process::push(const std::filesystem::path& layout, const std::string& name,
                            const std::string& format) const {
    if (run_program({"skopeo", "copy", "-q", "--all", "--dest-tls-verify=false", format == "oci" ? "-f=oci" : "-f=v2s2",
                     "oci:" + layout.string() + ":latest", "docker://" + host() + "/" + name}) != 0)
        throw std::runtime_error("skopeo could not push " + name);
}

} // namespace davit
