#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>

#include "core/timeout.h"
#include "io/descriptor.h"
#include "tests/modules/runtime/native/native_runtime_fixture.h"

namespace davit {
namespace {

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
#if __has_feature(address_sanitizer)
    GTEST_SKIP() << "the sanitizer looks at a type through a pipe, and takes a failed one for a wrong type";
#endif
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

TEST_F(native_runtime_test, a_shim_whose_copy_can_not_be_sealed_at_once_tries_again) {
    const pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execl(program_.path.c_str(), "davit-shim", "--socket", program_.socket.c_str(), nullptr);
        _exit(127);
    }
    // What is mapped for writing can't be sealed, nor what the kernel holds a page of.
    void* held = MAP_FAILED;
    std::int64_t first = 0;
    int status = 0;
    for (int i = 0; i < 10'000 && first == 0; ++i) {
        ASSERT_EQ(waitpid(pid, &status, 0), pid);
        ASSERT_TRUE(WIFSTOPPED(status));
        ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
        __ptrace_syscall_info call{};
        ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call);
        if (call.op == PTRACE_SYSCALL_INFO_EXIT && held != MAP_FAILED) first = call.exit.rval;
        if (call.op == PTRACE_SYSCALL_INFO_ENTRY && call.entry.nr == SYS_fcntl && call.entry.args[1] == F_ADD_SEALS) {
            const auto copy = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(call.entry.args[0]);
            const io::descriptor file{open(copy.c_str(), O_RDWR | O_CLOEXEC)};
            held = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
            ASSERT_NE(held, MAP_FAILED);
        }
        if (first == 0) ptrace(PTRACE_SYSCALL, pid, 0, 0);
    }
    munmap(held, 4096);
    ptrace(PTRACE_DETACH, pid, 0, 0);
    EXPECT_EQ(first, -EBUSY);
    waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_GT(shim_pid(), 0);
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
    std::map<int, int> parents; // Of all who run with this socket: shims, and what they cloned of themselves
    std::error_code none;
    for (const auto& process : std::filesystem::directory_iterator{"/proc", none}) {
        std::ifstream file{process.path() / "cmdline"};
        const std::string line{std::istreambuf_iterator<char>{file}, {}};
        if (line.find(program_.socket) == std::string::npos) continue;
        std::ifstream about{process.path() / "status"};
        std::string word;
        while (about >> word && word != "PPid:") {
        }
        about >> parents[std::stoi(process.path().filename())];
    }
    std::vector<int> staying;
    for (const auto& [pid, parent] : parents)
        if (!parents.contains(parent)) staying.push_back(pid);
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
    const io::descriptor listening{listen_as_shim()};
    const auto address = address_of_shim();
    std::vector<io::descriptor> queue;
    int result = 0;
    while (result == 0) {
        queue.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        result = connect(queue.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
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
    const int listening = listen_as_shim();
    const std::jthread shim{tell_of_a_process_and_its_end, listening, "ended"};
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto end = co_await with_timeout(std::chrono::seconds{5}, "the end", engine.wait("ended"));
        EXPECT_EQ(end.code, 7);
    });
}

/// As a shim that tells of a process, which has ended long ago, and is killed right behind that.
void list_a_process_and_go(int listening) {
    const int engine = accept(listening, nullptr, nullptr);
    close(listening);
    shim::send_frame(engine, shim_protocol::message_type::hello, encode(shim_protocol::hello{}));
    shim::frame_reader reader;
    shim::incoming_frame asked;
    while (shim::receive_frame(engine, reader, asked) && asked.type != shim_protocol::message_type::list) {
    }
    shim_protocol::process_list list;
    list.processes.push_back({"left", getpid(), 1, 1, "davit/left", false, {}});
    const auto bytes = shim_protocol::frame(shim_protocol::message_type::listed, asked.request, 0, encode(list));
    shim::send_with_descriptors(engine, bytes, {});
    close(engine);
}

TEST_F(native_runtime_test, the_process_of_a_shim_that_goes_right_behind_the_list_is_watched) {
    const int listening = listen_as_shim();
    const std::jthread shim{list_a_process_and_go, listening};
    with_engine([&](native_runtime& engine) -> task<void> {
        const auto end = co_await with_timeout(std::chrono::seconds{5}, "the end", engine.wait("left"));
        EXPECT_FALSE(end.is_known);
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
    const int listening = listen_as_shim();
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

} // namespace
} // namespace davit
