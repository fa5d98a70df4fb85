#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/error.h"
#include "io/loop.h"
#include "modules/runtime/native/capabilities.h"
#include "modules/runtime/native/native_runtime.h"
#include "tests/modules/runtime/native/shim_client.h"

namespace davit {

/// An engine's runtime with a shim of its own, on busybox.
class native_runtime_test : public ::testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "launching containers needs root";
        char pattern[] = "/tmp/davit-runtime-test-XXXXXX";
        directory_ = mkdtemp(pattern);
        for (const char* name : {"bin", "proc", "sys", "dev", "etc"})
            std::filesystem::create_directories(directory_ + "/image/" + name);
        std::filesystem::copy("/bin/busybox", directory_ + "/image/bin/busybox");
        for (const char* name : {"sh", "true", "sleep", "cat", "echo"})
            std::filesystem::create_symlink("busybox", directory_ + "/image/bin/" + name);
        program_ = {DAVIT_SHIM, directory_ + "/shim/shim.sock"};
    }

    void TearDown() override {
        if (directory_.empty()) return;
        if (std::filesystem::exists(program_.socket)) {
            const int pid = shim_pid();
            if (pid > 0) kill(pid, SIGKILL);
        }
        for (const auto& hierarchy : std::filesystem::directory_iterator{"/sys/fs/cgroup"})
            for (const auto& id : made_)
                std::system(("rmdir " + hierarchy.path().string() + "/davit/" + id + " 2>/dev/null").c_str());
        std::filesystem::remove_all(directory_);
    }

    sockaddr_un address_of_shim() const {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::copy(program_.socket.begin(), program_.socket.end(), address.sun_path);
        return address;
    }

    /// Who listens at the socket.
    int shim_pid() const {
        const auto address = address_of_shim();
        const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int pid = -1;
        if (connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
            ucred peer{};
            socklen_t size = sizeof peer;
            getsockopt(probe, SOL_SOCKET, SO_PEERCRED, &peer, &size);
            // The listener's credentials are those of the process that called listen(2), before it went to the
            // background.
            shim::frame_reader reader;
            shim::incoming_frame frame;
            if (shim::receive_frame(probe, reader, frame))
                if (const auto hello = shim_protocol::decode<shim_protocol::hello>(frame.payload)) pid = hello->pid;
        }
        close(probe);
        return pid;
    }

    /// A socket that listens where the engine looks for its shim, for a test that plays one.
    int listen_as_shim() const {
        std::filesystem::create_directories(directory_ + "/shim");
        const auto address = address_of_shim();
        const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(listen(listening, 1), 0);
        return listening;
    }

    launch_plan plan(std::string script) {
        launch_plan made;
        made.container_id = "r" + std::to_string(getpid()) + "x" + std::to_string(made_.size());
        made_.push_back(made.container_id);
        const auto writable = directory_ + "/" + made.container_id;
        std::filesystem::create_directories(writable + "/upper");
        std::filesystem::create_directories(writable + "/work");
        made.rootfs = {{directory_ + "/image"}, writable + "/upper", writable + "/work", false};
        made.process.arguments = {"/bin/sh", "-c", std::move(script)};
        made.process.environment = {"PATH=/bin"};
        made.process.bounding_capabilities = default_capability_bits() & held_capabilities();
        made.cgroup.path = "davit/" + made.container_id;
        return made;
    }

    /// Runs `body` with a started runtime and stops it again.
    template <class Body> void with_engine(Body body, std::chrono::milliseconds patience = std::chrono::minutes{1}) {
        io::loop loop;
        native_runtime engine{program_, patience};
        loop.run(run(engine, std::move(body)));
    }

    std::string directory_;
    shim_program program_;
    std::vector<std::string> made_;

  private:
    template <class Body> static task<void> run(native_runtime& engine, Body body) {
        co_await engine.start();
        std::exception_ptr failure;
        try {
            co_await body(engine);
        } catch (...) {
            failure = std::current_exception();
        }
        co_await engine.stop();
        if (failure) std::rethrow_exception(failure);
    }
};

inline std::string read_and_close(process_streams streams) {
    close(streams.stderr_reader);
    fcntl(streams.stdout_reader, F_SETFL, fcntl(streams.stdout_reader, F_GETFL) & ~O_NONBLOCK);
    return shim::testing::read_all(streams.stdout_reader);
}

inline bool is_alive(int pid) {
    return kill(pid, 0) == 0;
}

} // namespace davit
