#include "modules/runtime/native/shim/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace davit::shim::testing {
namespace {

/// A channel on a loop of its own thread, whose listener does with each frame what the test says.
class channel_test : public ::testing::Test, public channel::listener {
  protected:
    void SetUp() override {
        int ends[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        peer_ = ends[0];
        fcntl(ends[1], F_SETFL, O_NONBLOCK);
        channel_ = std::make_unique<channel>(loop_, ends[1], *this);
    }
    void TearDown() override {
        if (peer_ >= 0) close(peer_);
        if (runs_.joinable()) runs_.join();
    }
    void run() {
        runs_ = std::thread{[this] { loop_.run(); }};
    }
    void on_end() override {
        channel_.reset();
        loop_.stop();
    }
    void on_frame(incoming_frame) override {
        ++asked_;
        channel_->send(message_type::done, 0, std::string(65536, 'x'));
    }

    int peer_ = -1;
    loop loop_;
    std::unique_ptr<channel> channel_;
    std::atomic<int> asked_ = 0;
    std::thread runs_;
};

TEST_F(channel_test, a_peer_that_asks_and_does_not_read_is_not_listened_to) {
    constexpr int requests = 150; // As many as a socket holds
    for (int i = 0; i < requests; ++i) ASSERT_TRUE(send_frame(peer_, message_type::list, {}));
    run();
    int before = -1;
    while (before != asked_) { // Until it rests
        before = asked_;
        usleep(100'000);
    }
    EXPECT_LT(asked_, 50);
    frame_reader reader;
    for (int i = 0; i < requests; ++i) {
        incoming_frame frame;
        ASSERT_TRUE(receive_frame(peer_, reader, frame)) << i;
        EXPECT_EQ(frame.payload.size(), 65536u);
    }
    EXPECT_EQ(asked_, requests);
}

TEST_F(channel_test, what_a_peer_that_does_not_read_said_last_is_heard_when_it_has_gone) {
    for (int i = 0; i < 150; ++i) ASSERT_TRUE(send_frame(peer_, message_type::list, {}));
    close(std::exchange(peer_, -1));
    run();
    runs_.join();
    EXPECT_EQ(channel_, nullptr);
}

TEST_F(channel_test, a_frame_that_can_not_be_kept_ends_the_connection) {
    const std::string large(1 << 20, 'x');
    channel_->send(message_type::done, 0, large); // Fills the socket: the next frame has to wait
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    channel_->send(message_type::streams, 0, {}, {peer_});
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    run();
    frame_reader reader;
    incoming_frame frame;
    const timeval patience{5, 0};
    setsockopt(peer_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (reader.read_from(peer_) == frame_reader::outcome::got_bytes) {
    }
    char byte = 0;
    EXPECT_EQ(recv(peer_, &byte, 1, MSG_DONTWAIT), 0) << "whoever waits for the lost frame waits for ever";
}

} // namespace
} // namespace davit::shim::testing
