#include "modules/containers/output_pump.h"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

#include "core/error.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/loop.h"
#include "io/offload.h"
#include "modules/containers/container.h"
#include "modules/containers/record_store.h"

namespace davit {
namespace {

/// A log in memory that can refuse, and whose position is its length.
class memory_log final : public container_log {
  public:
    task<void> append(std::span<const output_chunk> chunks) override {
        if (refuses) throw error(errc::internal, "the disk is full");
        for (const output_chunk& chunk : chunks) text += chunk.bytes;
        if (hangs) co_await never.wait();
    }
    task<void> finish() override { co_return; }
    task<std::unique_ptr<log_reader>> read(log_query) override { co_return nullptr; }
    std::string position() const override { return std::to_string(text.size()); }
    task<void> unwind(std::string position) override {
        text.resize(std::stoul(position));
        co_return;
    }

    std::string text;
    bool refuses = false;
    bool hangs = false;
    event never;
};

class output_pump : public ::testing::Test {
  protected:
    output_pump() {
        std::string pattern = (std::filesystem::temp_directory_path() / "davit-pump-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
        of_->record.id = std::string(64, 'c');
        auto log = std::make_unique<memory_log>();
        log_ = log.get();
        of_->log = std::move(log);
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        source_ = std::make_shared<io::pollable>(io::descriptor{ends[0]});
        writer_ = io::descriptor{ends[1]};
    }
    ~output_pump() override { std::filesystem::remove_all(directory_); }

    void write(std::string_view text) {
        ASSERT_EQ(::write(writer_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    std::string left_in_pipe() {
        std::string text(1 << 16, '\0');
        const ssize_t count = ::read(source_->fd(), text.data(), text.size());
        text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
        return text;
    }

    io::loop loop_;
    std::string directory_;
    container_ptr of_ = std::make_shared<container>();
    memory_log* log_ = nullptr;
    std::shared_ptr<io::pollable> source_;
    io::descriptor writer_;
};

TEST_F(output_pump, what_a_process_writes_is_logged_and_delivered_until_its_end) {
    output_pumps pumps{directory_};
    const auto listener = std::make_shared<output_listener>(true, true, directory_);
    of_->output.add(listener);
    std::string expected;
    for (int i = 0; i < 200'000; ++i) expected += "line " + std::to_string(i) + "\n";
    std::thread process{[&] {
        std::size_t at = 0;
        while (at < expected.size()) {
            const ssize_t count = ::write(writer_.get(), expected.data() + at, expected.size() - at);
            if (count > 0) at += static_cast<std::size_t>(count);
        }
        writer_.close();
    }};
    std::string delivered;
    loop_.run(with_scope([&](scope& both) -> task<void> {
        both.spawn([](output_pumps* moves, container* of, std::shared_ptr<io::pollable> from) -> task<void> {
            co_await moves->start();
            co_await moves->run(*of, from, nullptr, nullptr);
            of->output.end();
        }(&pumps, of_.get(), source_));
        while (const auto chunk = co_await listener->next()) delivered += chunk->bytes;
    }));
    process.join();
    EXPECT_EQ(log_->text, expected);
    EXPECT_EQ(delivered, expected);
}

TEST_F(output_pump, a_log_that_refuses_stops_nobody) {
    output_pumps pumps{directory_};
    log_->refuses = true;
    write("dropped\n");
    writer_.close();
    loop_.run(pumps.start());
    loop_.run(pumps.run(*of_, source_, nullptr, nullptr));
    EXPECT_EQ(log_->text, "");
    EXPECT_EQ(left_in_pipe(), "");
}

/// Runs a pump that ends, as by SIGKILL, after logging and before taking.
void run_until_logged(io::loop& loop, output_pumps& pumps, container& of, const std::shared_ptr<io::pollable>& source) {
    loop.run(pumps.start());
    loop.run(with_scope([&](scope& children) -> task<void> {
        children.spawn(pumps.run(of, source, nullptr, nullptr));
        co_await sleep_for(std::chrono::milliseconds{50});
        children.cancel();
    }));
}

TEST_F(output_pump, an_engine_killed_between_logging_and_taking_neither_loses_nor_doubles) {
    log_->text = "before\n";
    log_->hangs = true;
    write("once\n");
    {
        output_pumps killed{directory_};
        run_until_logged(loop_, killed, *of_, source_);
    }
    ASSERT_EQ(log_->text, "before\nonce\n");
    log_->hangs = false;
    output_pumps next{directory_};
    loop_.run(next.start());
    loop_.run(next.settle(*of_, source_->fd(), -1));
    EXPECT_EQ(log_->text, "before\n"); // it is still in the pipe, and comes again
    write("twice\n");
    writer_.close();
    loop_.run(next.run(*of_, source_, nullptr, nullptr));
    EXPECT_EQ(log_->text, "before\nonce\ntwice\n");
}

TEST_F(output_pump, an_engine_killed_after_taking_keeps_what_was_logged) {
    log_->hangs = true;
    write("once\n");
    {
        output_pumps killed{directory_};
        run_until_logged(loop_, killed, *of_, source_);
    }
    EXPECT_EQ(left_in_pipe(), "once\n"); // taken, and the note of it lost
    output_pumps next{directory_};
    loop_.run(next.start());
    loop_.run(next.settle(*of_, source_->fd(), -1));
    EXPECT_EQ(log_->text, "once\n");
}

TEST_F(output_pump, a_listener_that_does_not_read_costs_no_memory_beyond_its_bound_and_loses_nothing) {
    const auto listener = std::make_shared<output_listener>(true, true, directory_);
    of_->output.add(listener);
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        output_chunk chunk{output_stream::standard_output, std::string(50'000, static_cast<char>('a' + i % 26)), {}};
        expected += chunk.bytes;
        loop_.run(of_->output.deliver(&chunk));
    }
    of_->output.end();
    std::string text;
    while (const auto chunk = loop_.run(listener->next())) text += chunk->bytes;
    EXPECT_EQ(text, expected);
}

TEST(record_store, a_record_comes_back_as_it_was) {
    container_record record;
    record.id = std::string(64, 'f');
    record.name = "web";
    record.created_at = std::chrono::system_clock::time_point{std::chrono::nanoseconds{1'700'000'000'123'456'789}};
    record.image_id = "sha256:x";
    record.config.environment = std::vector<std::string>{"A=\"\n\xff"};
    record.config.command = std::vector<std::string>{};
    record.host.memory = 123;
    record.host.sysctls = string_map{{"a", "b"}};
    record.state = container_state::running;
    record.pid = 7;
    record.exit_code = 3;
    record.network.ipv4 = "172.17.0.2";
    record.network.network_name = "bridge";
    record.network.ipv4_prefix_length = 16;
    record.was_stopped_by_user = true;
    record.restart_count = 4;
    const container_record back = from_stored(to_stored(record));
    EXPECT_EQ(back.name, record.name);
    EXPECT_EQ(back.created_at, record.created_at);
    EXPECT_EQ(back.config.command, record.config.command);
    EXPECT_EQ(back.host, record.host);
    EXPECT_EQ(back.state, record.state);
    EXPECT_EQ(back.pid, 7);
    EXPECT_EQ(back.exit_code, 3);
    EXPECT_EQ(back.network, record.network);
    EXPECT_EQ(back.restart_count, 4);
    EXPECT_TRUE(back.was_stopped_by_user);
    EXPECT_THROW(from_stored("{}"), error);
    EXPECT_THROW(from_stored("not json"), error);
}

} // namespace
} // namespace davit
