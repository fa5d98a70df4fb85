#include "modules/runtime/native/native_runtime.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "core/error.h"
#include "core/timeout.h"
#include "io/loop.h"
#include "modules/runtime/native/capabilities.h"
#include "tests/modules/runtime/native/shim_client.h"

namespace davit {
namespace {

using ::testing::HasSubstr;

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

    /// Who listens at the socket.
    int shim_pid() const {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::copy(program_.socket.begin(), program_.socket.end(), address.sun_path);
        const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int pid = -1;
        if (connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
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

std::string read_and_close(process_streams streams) {
    close(streams.stderr_reader);
    fcntl(streams.stdout_reader, F_SETFL, fcntl(streams.stdout_reader, F_GETFL) & ~O_NONBLOCK);
    return shim::testing::read_all(streams.stdout_reader);
}

bool is_alive(int pid) {
    return kill(pid, 0) == 0;
}

TEST_F(native_runtime_test, launches_waits_and_releases) {
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto sandbox = co_await engine.make_sandbox({});
        EXPECT_TRUE(is_alive(sandbox.pid));
        co_await engine.configure_network(sandbox, {});
        const auto asked = plan("echo hello; exit 5");
        const auto launched = co_await engine.launch(sandbox, asked);
        EXPECT_EQ(launched.pid, sandbox.pid);
        EXPECT_FALSE(launched.phases.empty());
        const auto end = co_await engine.wait(asked.container_id);
        EXPECT_EQ(end.code, 5);
        EXPECT_TRUE(end.is_known);
        EXPECT_EQ((co_await engine.wait(asked.container_id)).code, 5);
        EXPECT_EQ(read_and_close(launched.streams), "hello\n");
        co_await engine.release(asked.container_id);
        EXPECT_TRUE((co_await engine.processes()).empty());
        try {
            co_await engine.wait(asked.container_id);
            ADD_FAILURE() << "a released process is still known";
        } catch (const error& e) {
            EXPECT_EQ(e.category(), errc::not_found);
        }
    });
}

TEST_F(native_runtime_test, the_images_faults_are_invalid_and_leave_nothing) {
    with_engine([&](native_runtime& engine) -> task<void> {
        auto asked = plan("");
        asked.process.arguments = {"foo"};
        try {
            co_await engine.launch(co_await engine.make_sandbox({}), asked);
            ADD_FAILURE() << "it ran";
        } catch (const error& e) {
            EXPECT_EQ(e.category(), errc::invalid);
            EXPECT_EQ(e.text(), "exec: \"foo\": executable file not found in $PATH");
        }
        EXPECT_TRUE((co_await engine.processes()).empty());
    });
}

TEST_F(native_runtime_test, the_next_engine_finds_what_runs_and_what_ended) {
    const auto running = plan("echo one; sleep 100");
    const auto ending = plan("echo two; exit 9");
    with_engine([&](native_runtime& engine) -> task<void> {
        for (const auto& asked : {running, ending}) {
            const auto launched = co_await engine.launch(co_await engine.make_sandbox({}), asked);
            close(launched.streams.stdout_reader);
            close(launched.streams.stderr_reader);
        }
        co_await engine.wait(ending.container_id);
    });
    const int shim = shim_pid();
    with_engine([&](native_runtime& engine) -> task<void> {
        EXPECT_EQ(shim_pid(), shim);
        EXPECT_EQ((co_await engine.processes()).size(), 2u);
        EXPECT_EQ((co_await engine.wait(ending.container_id)).code, 9);
        EXPECT_EQ(read_and_close(co_await engine.reopen_streams(ending.container_id)), "two\n");
        co_await engine.release(ending.container_id);
        co_await engine.signal(running.container_id, SIGKILL);
        EXPECT_EQ((co_await engine.wait(running.container_id)).code, 137);
        EXPECT_EQ(read_and_close(co_await engine.reopen_streams(running.container_id)), "one\n");
        co_await engine.release(running.container_id);
    });
}

TEST_F(native_runtime_test, a_shim_that_holds_nothing_ends_with_its_engine) {
    int shim = -1;
    with_engine([&](native_runtime& engine) -> task<void> {
        shim = shim_pid();
        co_await engine.make_sandbox({}); // one that nobody will take
    });
    ASSERT_GT(shim, 0);
    for (int tries = 0; tries < 500 && is_alive(shim); ++tries) usleep(10'000);
    EXPECT_FALSE(is_alive(shim));
    with_engine([&](native_runtime&) -> task<void> {
        EXPECT_GT(shim_pid(), 0) << "the next engine starts another";
        co_return;
    });
}

TEST_F(native_runtime_test, a_killed_shim_takes_no_container_with_it) {
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto asked = plan("sleep 100");
        const auto launched = co_await engine.launch(co_await engine.make_sandbox({}), asked);
        close(launched.streams.stdout_reader);
        close(launched.streams.stderr_reader);
        const auto waiting = co_await engine.make_sandbox({});
        const int shim = shim_pid();
        kill(shim, SIGKILL);
        // The sandbox that waited is gone with its shim: said honestly, and another one works.
        auto next = plan("exit 4");
        bool was_refused = false;
        try {
            co_await engine.launch(waiting, next);
        } catch (const error& e) {
            was_refused = true;
            EXPECT_EQ(e.category(), errc::unavailable);
        }
        EXPECT_TRUE(was_refused);
        const auto again = co_await engine.launch(co_await engine.make_sandbox({}), next);
        close(again.streams.stdout_reader);
        close(again.streams.stderr_reader);
        EXPECT_EQ((co_await engine.wait(next.container_id)).code, 4);
        co_await engine.release(next.container_id);
        EXPECT_NE(shim_pid(), shim);
        // The container runs on, is listed, and its end is known without its code.
        EXPECT_TRUE(is_alive(launched.pid));
        const auto list = co_await engine.processes();
        EXPECT_EQ(list.size(), 1u);
        EXPECT_FALSE(list.at(0).ended);
        co_await engine.signal(asked.container_id, SIGKILL);
        const auto end = co_await engine.wait(asked.container_id);
        EXPECT_FALSE(end.is_known);
        EXPECT_EQ(end.code, 137);
        co_await engine.release(asked.container_id);
        EXPECT_TRUE((co_await engine.processes()).empty());
    });
}

TEST_F(native_runtime_test, the_end_of_an_orphan_is_told_though_descriptors_were_short_when_its_shim_went) {
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto asked = plan("sleep 100");
        const auto launched = co_await engine.launch(co_await engine.make_sandbox({}), asked);
        close(launched.streams.stdout_reader);
        close(launched.streams.stderr_reader);
        if (launched.root >= 0) close(launched.root);
        const int shim = shim_pid();
        rlimit before{};
        getrlimit(RLIMIT_NOFILE, &before);
        const rlimit none{3, before.rlim_max};
        setrlimit(RLIMIT_NOFILE, &none);
        kill(shim, SIGKILL);
        while ((co_await engine.health()).is_well) co_await sleep_for(std::chrono::milliseconds{5});
        co_await sleep_for(std::chrono::milliseconds{50}); // Its orphan is looked at, and can't be held
        setrlimit(RLIMIT_NOFILE, &before);
        kill(launched.pid, SIGKILL);
        const auto end = co_await with_timeout(std::chrono::seconds{20}, "the end", engine.wait(asked.container_id));
        EXPECT_FALSE(end.is_known);
        co_await engine.release(asked.container_id);
    });
}

TEST_F(native_runtime_test, of_two_shims_that_start_at_once_one_stays) {
    const auto starter = [&](bool is_traced) {
        const pid_t pid = fork();
        if (pid == 0) {
            if (is_traced) ptrace(PTRACE_TRACEME, 0, 0, 0);
            execl(program_.path.c_str(), "davit-shim", "--socket", program_.socket.c_str(), nullptr);
            _exit(127);
        }
        return pid;
    };
    // The first is held up where it has seen that nobody listens, and is about to take away a dead shim's socket.
    const pid_t slow = starter(true);
    __ptrace_syscall_info call{};
    int status = 0;
    for (int i = 0; i < 10'000 && !(call.op == PTRACE_SYSCALL_INFO_ENTRY && call.entry.nr == SYS_unlink); ++i) {
        ASSERT_EQ(waitpid(slow, &status, 0), slow);
        ASSERT_TRUE(WIFSTOPPED(status));
        ptrace(PTRACE_SETOPTIONS, slow, 0, PTRACE_O_TRACESYSGOOD);
        ptrace(PTRACE_GET_SYSCALL_INFO, slow, sizeof call, &call);
        if (call.op != PTRACE_SYSCALL_INFO_ENTRY || call.entry.nr != SYS_unlink) ptrace(PTRACE_SYSCALL, slow, 0, 0);
    }
    const pid_t quick = starter(false);
    pid_t ended = 0;
    for (int i = 0; i < 200 && ended == 0; ++i) {
        usleep(1000);
        ended = waitpid(quick, &status, WNOHANG);
    }
    ptrace(PTRACE_DETACH, slow, 0, 0);
    if (ended == 0) waitpid(quick, &status, 0);
    EXPECT_EQ(status, 0);
    waitpid(slow, &status, 0);
    EXPECT_EQ(status, 0);
    std::vector<int> staying;
    std::error_code none;
    for (const auto& process : std::filesystem::directory_iterator{"/proc", none}) {
        std::ifstream file{process.path() / "cmdline"};
        const std::string line{std::istreambuf_iterator<char>{file}, {}};
        if (line.find(program_.socket) != std::string::npos) staying.push_back(std::stoi(process.path().filename()));
    }
    EXPECT_EQ(staying, std::vector{shim_pid()});
    for (const int pid : staying) kill(pid, SIGKILL);
}

TEST_F(native_runtime_test, a_shim_that_does_not_answer_counts_as_lost_until_it_does) {
    with_engine(
        [&](native_runtime& engine) -> task<void> {
            const auto asked = plan("sleep 100");
            const auto launched = co_await engine.launch(co_await engine.make_sandbox({}), asked);
            close(launched.streams.stdout_reader);
            close(launched.streams.stderr_reader);
            if (launched.root >= 0) close(launched.root);
            const int shim = shim_pid();
            kill(shim, SIGSTOP);
            EXPECT_THROW(co_await engine.make_sandbox({}), error);
            EXPECT_FALSE((co_await engine.health()).is_well);
            co_await engine.signal(asked.container_id, SIGKILL);
            EXPECT_EQ((co_await engine.wait(asked.container_id)).code, 137);

            kill(shim, SIGCONT);
            const auto next = plan("exit 4");
            const auto again = co_await engine.launch(co_await engine.make_sandbox({}), next);
            close(again.streams.stdout_reader);
            close(again.streams.stderr_reader);
            if (again.root >= 0) close(again.root);
            EXPECT_EQ((co_await engine.wait(next.container_id)).code, 4);
            EXPECT_EQ(shim_pid(), shim);
            for (const auto& ended : {asked, next}) co_await engine.release(ended.container_id);
            EXPECT_TRUE((co_await engine.processes()).empty());
        },
        std::chrono::milliseconds{500});
}

TEST_F(native_runtime_test, a_shim_that_accepts_nobody_does_not_block_the_loop) {
    std::filesystem::create_directories(directory_ + "/shim");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(program_.socket.begin(), program_.socket.end(), address.sun_path);
    const io::descriptor listening{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    ASSERT_EQ(bind(listening.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listening.get(), 1), 0);
    std::vector<io::descriptor> queue;
    int result = 0;
    while (result == 0) {
        queue.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        result = connect(queue.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    try {
        connect_to_shim(program_.socket);
        ADD_FAILURE() << "it is connected";
    } catch (const error& e) {
        EXPECT_EQ(e.category(), errc::unavailable);
    }
    std::filesystem::remove(program_.socket);
}

TEST_F(native_runtime_test, what_the_sandboxes_of_a_killed_shim_left_is_gone_when_the_engine_has_stopped) {
    int shim = 0;
    with_engine([&](native_runtime& engine) -> task<void> {
        co_await engine.make_sandbox({});
        shim = shim_pid();
        kill(shim, SIGKILL);
        while ((co_await engine.health()).is_well) co_await sleep_for(std::chrono::milliseconds{5});
    });
    const auto left = [&] {
        std::string found;
        for (const auto& hierarchy : std::filesystem::directory_iterator{"/sys/fs/cgroup"}) {
            const auto one = hierarchy.path() / "davit" / ("sandbox-" + std::to_string(shim) + "-1");
            if (std::filesystem::exists(one)) found += one.string() + "\n";
        }
        return found;
    };
    for (int i = 0; i < 1000 && left() != ""; ++i) usleep(5000);
    EXPECT_EQ(left(), "");
}

/// Listens where a shim would, greets one engine, and answers its `list` with a process and the end of that process.
void tell_of_a_process_and_its_end(int listening, const std::string& id) {
    const int engine = accept(listening, nullptr, nullptr);
    close(listening);
    const auto say = [&](shim_protocol::message_type type, std::uint64_t request, const std::string& payload) {
        return shim_protocol::frame(type, request, 0, payload);
    };
    const auto send_whole = [&](const std::string& bytes) { send(engine, bytes.data(), bytes.size(), MSG_NOSIGNAL); };
    send_whole(say(shim_protocol::message_type::hello, 0, encode(shim_protocol::hello{})));
    shim::frame_reader reader;
    shim::incoming_frame asked;
    while (shim::receive_frame(engine, reader, asked)) {
        if (asked.type == shim_protocol::message_type::hello) continue;
        if (asked.type != shim_protocol::message_type::list) break;
        shim_protocol::process_list list;
        list.processes.push_back({id, getpid(), 1, 1, "davit/" + id, false, {}});
        shim_protocol::exited end;
        end.id = id;
        end.code = 7;
        send_whole(say(shim_protocol::message_type::listed, asked.request, encode(list)) +
                   say(shim_protocol::message_type::exited, 0, encode(end)));
    }
    close(engine);
}

TEST_F(native_runtime_test, an_end_that_is_told_right_behind_the_list_is_not_missed) {
    std::filesystem::create_directories(directory_ + "/shim");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(program_.socket.begin(), program_.socket.end(), address.sun_path);
    const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listening, 1), 0);
    const std::jthread shim{tell_of_a_process_and_its_end, listening, "ended"};
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto end = co_await with_timeout(std::chrono::seconds{5}, "the end", engine.wait("ended"));
        EXPECT_EQ(end.code, 7);
    });
}

/// As a shim that says more of its streams than it sends: two, and the one `descriptor`, which it closes then.
void answer_with_too_few_streams(int listening, int descriptor) {
    const int engine = accept(listening, nullptr, nullptr);
    close(listening);
    shim::send_frame(engine, shim_protocol::message_type::hello, encode(shim_protocol::hello{}));
    shim::frame_reader reader;
    shim::incoming_frame asked;
    while (shim::receive_frame(engine, reader, asked)) {
        if (asked.type == shim_protocol::message_type::list) {
            shim_protocol::process_list list;
            list.processes.push_back({"odd", getpid(), 1, 1, "davit/odd", false, {}});
            const auto bytes =
                shim_protocol::frame(shim_protocol::message_type::listed, asked.request, 0, encode(list));
            shim::send_with_descriptors(engine, bytes, {});
        } else if (asked.type == shim_protocol::message_type::reopen_streams) {
            shim_protocol::streams said;
            said.streams = shim_protocol::has_stdout | shim_protocol::has_stderr;
            const auto bytes =
                shim_protocol::frame(shim_protocol::message_type::streams, asked.request, 1, encode(said));
            shim::send_with_descriptors(engine, bytes, {descriptor});
            close(descriptor);
        } else if (asked.type != shim_protocol::message_type::hello) {
            break;
        }
    }
    close(engine);
}

TEST_F(native_runtime_test, descriptors_of_an_answer_that_is_wrong_are_closed) {
    std::filesystem::create_directories(directory_ + "/shim");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(program_.socket.begin(), program_.socket.end(), address.sun_path);
    const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listening, 1), 0);
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const io::descriptor kept{ends[0]};
    const std::jthread shim{answer_with_too_few_streams, listening, ends[1]};
    with_engine([&](native_runtime& engine) -> task<void> {
        EXPECT_THROW(co_await engine.reopen_streams("odd"), error);
        char byte = 0;
        auto got = read(kept.get(), &byte, 1);
        for (int i = 0; i < 1000 && got < 0; ++i) { // The shim's own copy is closed in a moment
            co_await sleep_for(std::chrono::milliseconds{1});
            got = read(kept.get(), &byte, 1);
        }
        EXPECT_EQ(got, 0) << "somebody holds the other end";
    });
}

TEST_F(native_runtime_test, a_process_whose_release_failed_is_not_in_the_way_of_the_next_start) {
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto asked = plan("sleep 600");
        auto launched = co_await engine.launch(co_await engine.make_sandbox({}), asked);
        const auto shim = program_.socket;
        kill(shim_pid(), SIGKILL);
        while ((co_await engine.health()).is_well) co_await sleep_for(std::chrono::milliseconds{5});
        kill(launched.pid, SIGKILL);
        EXPECT_FALSE((co_await engine.wait(asked.container_id)).is_known);
        close(launched.streams.stdout_reader);
        close(launched.streams.stderr_reader);
        if (launched.root >= 0) close(launched.root);
        // No shim can be started while something else is where its socket goes.
        std::filesystem::remove(shim);
        std::filesystem::create_directories(shim + "/x");
        EXPECT_THROW(co_await engine.release(asked.container_id), error);
        std::filesystem::remove_all(shim);
        auto again = asked;
        again.process.arguments = {"/bin/true"};
        launched = co_await engine.launch(co_await engine.make_sandbox({}), again);
        EXPECT_EQ((co_await engine.wait(asked.container_id)).code, 0);
        close(launched.streams.stdout_reader);
        close(launched.streams.stderr_reader);
        if (launched.root >= 0) close(launched.root);
        co_await engine.release(asked.container_id);
    });
}

TEST_F(native_runtime_test, a_number_that_a_later_process_took_is_not_its_process) {
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto asked = plan("exit 0");
        const auto launched = co_await engine.launch(co_await engine.make_sandbox({}), asked);
        close(launched.streams.stdout_reader);
        close(launched.streams.stderr_reader);
        co_await engine.wait(asked.container_id);
        try {
            co_await engine.signal(asked.container_id, SIGKILL);
            ADD_FAILURE() << "an ended process was signalled";
        } catch (const error& e) {
            EXPECT_EQ(e.category(), errc::not_found);
        }
        co_await engine.release(asked.container_id);
    });
}

} // namespace
} // namespace davit
