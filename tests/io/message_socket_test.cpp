#include "io/message_socket.h"

#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/timeout.h"
#include "io/socket.h"
#include "tests/io/io_testing.h"

namespace davit::io {
namespace {

using namespace std::chrono_literals;

TEST(message_socket, gives_each_message_its_own_descriptors) {
    loop l;
    const std::size_t before = open_descriptors();
    l.run([]() -> task<void> {
        socket_pair ends = make_socket_pair();
        message_socket left{std::move(ends.first), 1000};
        message_socket right{std::move(ends.second), 1000};
        int pipe_ends[2];
        EXPECT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
        const descriptor reads{pipe_ends[0]};
        const descriptor writes{pipe_ends[1]};
        co_await left.send("plain");
        co_await left.send("with two", {reads.get(), writes.get()});
        co_await left.send("", {writes.get()});
        co_await left.send("plain again");

        auto first = co_await right.receive();
        EXPECT_EQ(first->payload, "plain");
        EXPECT_TRUE(first->descriptors.empty());
        auto second = co_await right.receive();
        EXPECT_EQ(second->payload, "with two");
        EXPECT_EQ(second->descriptors.size(), 2u);
        EXPECT_NE(::fcntl(second->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);
        EXPECT_EQ(::write(second->descriptors[1].get(), "x", 1), 1);
        char byte = 0;
        EXPECT_EQ(::read(reads.get(), &byte, 1), 1);
        auto third = co_await right.receive();
        EXPECT_EQ(third->payload, "");
        EXPECT_EQ(third->descriptors.size(), 1u);
        auto fourth = co_await right.receive();
        EXPECT_EQ(fourth->payload, "plain again");
        EXPECT_TRUE(fourth->descriptors.empty());
    }());
    l.run([]() -> task<void> { co_await sleep_for(1ms); }());
    EXPECT_EQ(open_descriptors(), before);
}

task<void> send_and_drop(message_socket* to, std::string payload) {
    try {
        co_await with_timeout(5ms, "sending", to->send(std::move(payload)));
    } catch (const error& e) {
        EXPECT_EQ(e.category(), errc::timed_out);
    }
}

TEST(message_socket, keeps_its_messages_whole_when_a_sender_is_cancelled_inside_one) {
    loop l;
    l.run([]() -> task<void> {
        socket_pair ends = make_socket_pair();
        message_socket left{std::move(ends.first), 4'000'000};
        message_socket right{std::move(ends.second), 4'000'000};
        const std::string large(3'000'000, 'm');
        co_await send_and_drop(&left, large); // more than the socket takes, and nobody reads
        co_await with_scope([&](scope& sides) -> task<void> {
            sides.spawn(left.send("next"));
            EXPECT_EQ((co_await right.receive())->payload, large);
            EXPECT_EQ((co_await right.receive())->payload, "next");
        });
    }());
}

TEST(message_socket, goes_on_inside_a_message_after_a_cancelled_receive) {
    loop l;
    l.run([]() -> task<void> {
        socket_pair ends = make_socket_pair();
        message_socket right{std::move(ends.second), 100};
        const std::string_view frame{"\x05\0\0\0hello", 9};
        for (const std::size_t cut : {2u, 6u}) {
            EXPECT_EQ(::send(ends.first.get(), frame.data(), cut, 0), static_cast<ssize_t>(cut));
            EXPECT_EQ((co_await failure_of(with_timeout(2ms, "a message", right.receive()))).category(),
                      errc::timed_out);
            EXPECT_EQ(::send(ends.first.get(), frame.data() + cut, frame.size() - cut, 0),
                      static_cast<ssize_t>(frame.size() - cut));
            EXPECT_EQ((co_await right.receive())->payload, "hello");
        }
        ends.first.close();
        EXPECT_FALSE((co_await right.receive()).has_value());
    }());
}

TEST(message_socket, refuses_what_is_too_large_and_a_flow_that_ends_inside_a_message) {
    loop l;
    l.run([]() -> task<void> {
        socket_pair ends = make_socket_pair();
        message_socket left{std::move(ends.first), 10};
        EXPECT_EQ((co_await failure_of(left.send("12345678901"))).category(), errc::too_large);
        EXPECT_EQ(::send(ends.second.get(), "\xff\xff\xff\xff", 4, 0), 4);
        EXPECT_EQ((co_await failure_of(left.receive())).category(), errc::too_large);

        socket_pair other = make_socket_pair();
        message_socket reader{std::move(other.first), 10};
        EXPECT_EQ(::send(other.second.get(), "\x05\0\0\0he", 6, 0), 6);
        other.second.close();
        EXPECT_EQ((co_await failure_of(reader.receive())).category(), errc::invalid);
    }());
}

} // namespace
} // namespace davit::io
