#include "tests/modules/runtime/native/shim_client.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace davit::shim::testing {

using shim_protocol::decode;
using shim_protocol::encode;

shim_client::shim_client(const std::string& program, std::string cgroup_root) {
    char pattern[] = "/tmp/davit-shim-test-XXXXXX";
    directory_ = mkdtemp(pattern);
    const auto socket_path = directory_ + "/shim.sock";
    const auto starter = fork();
    if (starter == 0) {
        execl(program.c_str(), "davit-shim", "--socket", socket_path.c_str(), "--cgroup-root", cgroup_root.c_str(),
              static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = 0;
    waitpid(starter, &status, 0);
    if (status != 0) throw std::runtime_error("davit-shim did not start: " + program);
    connect_again();
}

shim_client::~shim_client() {
    disconnect();
    // Its containers are its children; they are killed by it or with it.
    if (pid_ > 0) {
        connect_again();
        const auto listed = ask(message_type::list, {});
        if (const auto list = decode<shim_protocol::process_list>(listed.frame.payload))
            for (const auto& process : list->processes)
                if (!process.has_ended) {
                    ask(message_type::signal, encode(shim_protocol::signal_request{process.id, SIGKILL, true}));
                    ask(message_type::signal, encode(shim_protocol::signal_request{process.id, SIGKILL, false}));
                    wait(process.id);
                }
        if (const auto list = decode<shim_protocol::process_list>(ask(message_type::list, {}).frame.payload))
            for (const auto& process : list->processes) release(process.id);
        ask(message_type::quit_if_idle, {});
        incoming_frame none;
        while (receive_frame(socket_, *reader_, none)) {
        } // Until it has ended
        disconnect();
    }
    rmdir((directory_ + "/stage").c_str());
    unlink((directory_ + "/shim.sock").c_str());
    rmdir(directory_.c_str());
}

void shim_client::disconnect() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
}

void shim_client::reconnect() {
    disconnect();
    connect_again();
}

void shim_client::connect_again() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = directory_ + "/shim.sock";
    std::memcpy(address.sun_path, path.c_str(), path.size());
    socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    reader_ = std::make_unique<frame_reader>();
    exits_.clear();
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
        throw std::runtime_error("connecting to davit-shim");
    send_frame(socket_, message_type::hello, encode(shim_protocol::hello{}));
    incoming_frame frame;
    if (!receive_frame(socket_, *reader_, frame)) throw std::runtime_error("davit-shim did not say hello");
    pid_ = decode<shim_protocol::hello>(frame.payload)->pid;
}

std::uint64_t shim_client::tell(message_type type, const std::string& payload) {
    const auto request = next_request_++;
    const auto bytes = shim_protocol::frame(type, request, 0, payload);
    for (std::size_t sent = 0; sent < bytes.size();) {
        const auto count = send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) throw std::runtime_error("davit-shim has gone");
        sent += static_cast<std::size_t>(count);
    }
    return request;
}

std::uint64_t shim_client::tell_launch(std::uint64_t sandbox, const launch_plan& plan) {
    tell(message_type::prepare_launch, encode(shim_protocol::launch_request{sandbox, plan}));
    return tell(message_type::launch, encode(shim_protocol::sandbox_number{sandbox}));
}

shim_client::answer shim_client::ask(message_type type, const std::string& payload) {
    return answer_to(tell(type, payload));
}

shim_client::answer shim_client::answer_to(std::uint64_t request) {
    while (true) {
        answer got;
        if (!receive_frame(socket_, *reader_, got.frame)) throw std::runtime_error("davit-shim has gone");
        if (got.frame.type == message_type::exited) {
            const auto exit = decode<shim_protocol::exited>(got.frame.payload);
            exits_[exit->id] = *exit;
            continue;
        }
        if (got.frame.request != request) throw std::runtime_error("an answer to another question");
        if (got.frame.type == message_type::failed) got.failed = decode<shim_protocol::failure>(got.frame.payload);
        return got;
    }
}

shim_protocol::made_sandbox shim_client::make_sandbox(const shim_protocol::sandbox_template& shape) {
    const auto got = ask(message_type::make_sandbox, encode(shape));
    if (got.failed) throw std::runtime_error(got.failed->sentence);
    return *decode<shim_protocol::made_sandbox>(got.frame.payload);
}

shim_client::outcome shim_client::launch(std::uint64_t sandbox, const launch_plan& plan) {
    auto got = answer_to(tell_launch(sandbox, plan));
    outcome result;
    result.failed = got.failed;
    if (result.failed) return result;
    result.launched = *decode<shim_protocol::launched>(got.frame.payload);
    std::size_t next = 0;
    const auto take = [&](int bit) {
        if ((result.launched.streams & bit) == 0) return -1;
        const int descriptor = got.frame.descriptors.at(next++);
        fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
        return descriptor;
    };
    result.stdin_writer = take(shim_protocol::has_stdin);
    result.output = take(shim_protocol::has_stdout);
    result.errors = take(shim_protocol::has_stderr);
    result.terminal = take(shim_protocol::has_terminal);
    result.root = io::descriptor{take(shim_protocol::has_root)};
    return result;
}

shim_protocol::exited shim_client::wait(const std::string& id) {
    while (!exits_.contains(id)) {
        incoming_frame frame;
        if (!receive_frame(socket_, *reader_, frame)) throw std::runtime_error("davit-shim has gone");
        const auto exit = decode<shim_protocol::exited>(frame.payload);
        if (frame.type == message_type::exited && exit) exits_[exit->id] = *exit;
    }
    return exits_.at(id);
}

std::optional<shim_protocol::failure> shim_client::release(const std::string& id) {
    exits_.erase(id);
    return ask(message_type::release, encode(shim_protocol::container_name{id})).failed;
}

std::string read_all(int descriptor) {
    std::string text;
    char buffer[65536];
    ssize_t count = 0;
    while ((count = read(descriptor, buffer, sizeof buffer)) > 0 ||
           (count < 0 && (errno == EINTR || errno == EAGAIN))) {
        if (count > 0) {
            text.append(buffer, static_cast<std::size_t>(count));
        } else {
            pollfd wait_for{descriptor, POLLIN, 0};
            poll(&wait_for, 1, -1);
        }
    }
    close(descriptor);
    return text;
}

} // namespace davit::shim::testing
