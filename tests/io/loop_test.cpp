#include "io/loop.h"

#include <array>
#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/offload.h"
#include "io/poll.h"

namespace davit::io {
namespace {

using namespace std::chrono_literals;

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

std::array<descriptor, 2> make_pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    return {descriptor{ends[0]}, descriptor{ends[1]}};
}

task<int> slowly(int value) {
    co_await sleep_for(2ms);
    co_return value;
}

TEST(loop, runs_a_task_with_timers_to_its_end) {
    loop l;
    EXPECT_EQ(l.run(slowly(9)), 9);
}

TEST(offload, runs_on_another_thread_and_gives_its_result_or_error_back) {
    loop l;
    const auto here = ::gettid();
    EXPECT_NE(l.run(offload([] { return ::gettid(); })), here);
    EXPECT_THROW(l.run(offload([] { throw error(errc::denied, "no"); })), error);
}

TEST(offload, a_cancelled_await_ends_only_when_the_worker_has_let_go) {
    loop l;
    std::atomic<bool> began = false;
    std::atomic<bool> ended = false;
    EXPECT_THROW(l.run(with_timeout(1ms, "the job", offload([&] {
                                        began = true;
                                        ::usleep(30'000);
                                        ended = true;
                                    }))),
                 error);
    EXPECT_EQ(began, ended); // on a busy machine the time may be up before a worker takes the job: then neither
}

TEST(pollable, resumes_when_bytes_arrive) {
    loop l;
    auto ends = make_pipe();
    const int writer = ends[1].get();
    const char got = l.run([](descriptor reader, int to) -> task<char> {
        pollable source{std::move(reader)};
        char byte = 0;
        co_await with_scope([&](scope& children) -> task<void> {
            children.spawn([](int fd) -> task<void> {
                co_await sleep_for(2ms);
                EXPECT_EQ(::write(fd, "x", 1), 1);
            }(to));
            co_await source.readable();
            EXPECT_EQ(::read(source.fd(), &byte, 1), 1);
        });
        co_return byte;
    }(std::move(ends[0]), writer));
    EXPECT_EQ(got, 'x');
}

task<void> until_readable(pollable* source) {
    co_await source->readable();
}

TEST(pollable, a_wait_that_cannot_begin_leaves_nothing_behind) {
    loop l;
    auto ends = make_pipe();
    l.run([](descriptor reader, int to) -> task<void> {
        const int fd = reader.get();
        char byte = 0;
        pollable other{std::move(reader)};
        pollable source{descriptor{fd}}; // libuv lets one of the two watch the descriptor at a time
        EXPECT_EQ(::write(to, "x", 1), 1);
        co_await source.readable();
        co_await sleep_for(5ms); // it is told once more, to nobody, and no longer watched
        EXPECT_EQ(::read(fd, &byte, 1), 1);
        EXPECT_THROW(co_await with_timeout(2ms, "the other", until_readable(&other)), error);
        EXPECT_THROW(co_await source.readable(), error);
        EXPECT_EQ(::write(to, "y", 1), 1);
        co_await sleep_for(5ms);
        co_await with_timeout(10s, "the second wait", until_readable(&source));
        EXPECT_EQ(::read(fd, &byte, 1), 1);
        EXPECT_EQ(byte, 'y');
    }(std::move(ends[0]), ends[1].get()));
}

task<void> sleep_for_ever() {
    co_await sleep_for(1h);
}

task<void> wait_on_a_pipe() {
    auto ends = make_pipe();
    pollable source{std::move(ends[0])};
    co_await source.readable();
}

TEST(loop, a_cancelled_scope_leaves_no_coroutine_handle_or_descriptor_behind) {
    loop l;
    const std::size_t descriptors = open_descriptors();
    const std::size_t handles = l.open_handles();
    l.run([]() -> task<void> {
        co_await with_scope([&](scope& children) -> task<void> {
            for (int i = 0; i < 50; ++i) children.spawn(wait_on_a_pipe());
            for (int i = 0; i < 50; ++i) children.spawn(sleep_for_ever());
            for (int i = 0; i < 20; ++i) children.spawn(offload([] { ::usleep(1000); }));
            co_await sleep_for(3ms);
            children.cancel();
        });
        co_await sleep_for(1ms); // closing callbacks run on the loop's next turn
    }());
    EXPECT_EQ(open_descriptors(), descriptors);
    EXPECT_EQ(l.open_handles(), handles);
}

} // namespace
} // namespace davit::io
