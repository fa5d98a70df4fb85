#include "modules/logs/json_file/json_file_driver.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/loop.h"

namespace davit {
namespace {

namespace fs = std::filesystem;
using options = std::map<std::string, std::string>;

class json_file_logs : public ::testing::Test {
  protected:
    json_file_logs() {
        std::string pattern = (fs::temp_directory_path() / "davit-log-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~json_file_logs() override { fs::remove_all(directory_); }

    std::unique_ptr<container_log> open(options with = {}) {
        return loop_.run(driver_.open("c1", directory_, std::move(with), {}));
    }
    static output_chunk chunk(std::string bytes, output_stream from = output_stream::standard_output) {
        return {from, std::move(bytes), std::chrono::system_clock::now()};
    }
    void append(container_log& to, std::string bytes, output_stream from = output_stream::standard_output) {
        const output_chunk one = chunk(std::move(bytes), from);
        loop_.run(to.append(std::span{&one, 1}));
    }
    static task<std::string> read_all(log_reader* from, std::size_t* messages) {
        std::string text;
        while (const auto* batch = co_await from->next()) {
            text += batch->bytes;
            *messages += batch->messages.size();
        }
        co_return text;
    }
    std::string read(container_log& from, log_query query = {}) {
        const auto reader = loop_.run(from.read(query));
        messages_ = 0;
        return loop_.run(read_all(reader.get(), &messages_));
    }
    std::string file(const std::string& suffix = "") const {
        std::ifstream in{directory_ + "/c1-json.log" + suffix};
        std::stringstream text;
        text << in.rdbuf();
        return text.str();
    }
    static std::string lines(int from, int to) {
        std::string text;
        for (int i = from; i < to; ++i) text += "line " + std::to_string(i) + "\n";
        return text;
    }

    io::loop loop_;
    json_file_driver driver_{module_inputs{}};
    std::string directory_;
    std::size_t messages_ = 0;
};

TEST_F(json_file_logs, lines_are_put_together_across_chunks_and_streams_do_not_mix) {
    const auto log = open();
    append(*log, "one\ntw");
    append(*log, "err", output_stream::standard_error);
    append(*log, "o\n");
    append(*log, "or\n", output_stream::standard_error);
    EXPECT_EQ(read(*log), "one\ntwo\nerror\n");
    EXPECT_EQ(messages_, 3u);
    struct stat facts{};
    ASSERT_EQ(::stat((directory_ + "/c1-json.log").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0640u);
}

TEST_F(json_file_logs, long_lines_are_cut_into_parts_of_16_kib_and_come_back_whole) {
    const auto log = open();
    const std::string line(40'000, 'x');
    append(*log, line.substr(0, 7'000));
    append(*log, line.substr(7'000) + "\nend\n");
    EXPECT_EQ(read(*log), line + "\nend\n");
    EXPECT_EQ(messages_, 4u);
}

TEST_F(json_file_logs, an_unfinished_line_is_written_when_the_process_has_ended) {
    const auto log = open();
    append(*log, "no newline");
    EXPECT_EQ(read(*log), "");
    loop_.run(log->finish());
    EXPECT_EQ(read(*log), "no newline");
}

TEST_F(json_file_logs, an_engine_that_comes_back_goes_on_with_an_unfinished_line) {
    {
        const auto log = open();
        append(*log, "whole\nhal");
    }
    const auto log = open();
    append(*log, "f\n");
    EXPECT_EQ(read(*log), "whole\nhalf\n");
}

TEST_F(json_file_logs, an_append_is_taken_back_with_the_unfinished_line_from_before_it) {
    const auto log = open();
    append(*log, "kept\nbeg");
    const std::string position = log->position();
    append(*log, "in\ngone\n");
    loop_.run(log->unwind(position));
    append(*log, "an\n");
    EXPECT_EQ(read(*log), "kept\nbegan\n");
}

TEST_F(json_file_logs, an_append_that_a_crash_cut_off_is_taken_back_by_the_next_engine) {
    std::string position;
    {
        const auto log = open();
        append(*log, "kept\n");
        position = log->position();
    }
    std::ofstream{directory_ + "/c1-json.log", std::ios::app} << "{\"log\":\"cut of";
    const auto log = open();
    EXPECT_EQ(read(*log), "kept\n");
    loop_.run(log->unwind(position));
    append(*log, "again\n");
    EXPECT_EQ(read(*log), "kept\nagain\n");
    EXPECT_EQ(file().find("cut of"), std::string::npos);
}

TEST_F(json_file_logs, files_are_rotated_at_the_record_that_reaches_the_bound_and_read_as_one) {
    const auto log = open({{"max-size", "1k"}, {"max-file", "3"}});
    append(*log, lines(0, 100));
    EXPECT_LE(file().size(), 1024u + 100);
    EXPECT_GE(file(".1").size(), 1024u);
    EXPECT_LE(file(".2").size(), 1024u + 100);
    EXPECT_FALSE(fs::exists(directory_ + "/c1-json.log.3"));
    const std::string text = read(*log);
    EXPECT_TRUE(lines(0, 100).ends_with(text)) << text;
    EXPECT_GT(messages_, 20u);
}

TEST_F(json_file_logs, a_reader_that_looks_for_its_lines_far_back_holds_up_no_append) {
    const auto log = open({{"max-size", "1k"}, {"max-file", "2"}});
    append(*log, lines(0, 20));
    ASSERT_TRUE(fs::exists(directory_ + "/c1-json.log.1"));
    fs::resize_file(directory_ + "/c1-json.log.1", 512ull << 20); // Takes a while to look through
    bool is_found = false;
    bool was_found_before = true;
    loop_.run([](container_log& of, bool& found, bool& before) -> task<void> {
        co_await with_scope([&](scope& both) -> task<void> {
            both.spawn([](container_log& from, bool& done) -> task<void> {
                log_query far;
                far.tail = 1'000'000'000;
                co_await from.read(far);
                done = true;
            }(of, found));
            co_await sleep_for(std::chrono::milliseconds{20});
            const output_chunk one = chunk("more\n");
            co_await of.append(std::span{&one, 1});
            before = found;
        });
    }(*log, is_found, was_found_before));
    EXPECT_TRUE(is_found);
    EXPECT_FALSE(was_found_before);
}

TEST_F(json_file_logs, a_tail_is_right_though_files_are_rotated_while_it_is_looked_for) {
    const auto log = open({{"max-size", "1k"}, {"max-file", "9"}});
    append(*log, lines(0, 40));
    log_query last;
    last.tail = 30;
    std::string text;
    loop_.run([](container_log& of, log_query query, std::string& read) -> task<void> {
        co_await with_scope([&](scope& both) -> task<void> {
            both.spawn([](container_log& from, log_query asked, std::string& into) -> task<void> {
                std::size_t messages = 0;
                const auto reader = co_await from.read(asked);
                into = co_await read_all(reader.get(), &messages);
            }(of, query, read));
            for (int i = 0; i < 20; ++i) {
                const output_chunk one = chunk(lines(40 + i, 41 + i));
                co_await of.append(std::span{&one, 1});
            }
        });
    }(*log, last, text));
    int first = 10; // The tail is as of any moment between the appends
    while (first < 30 && !text.starts_with(lines(first, first + 1))) ++first;
    EXPECT_EQ(text, lines(first, first + 30));
}

TEST_F(json_file_logs, one_bounded_file_begins_anew) {
    const auto log = open({{"max-size", "1k"}});
    append(*log, lines(0, 100));
    EXPECT_LE(file().size(), 1024u + 100);
    EXPECT_TRUE(lines(0, 100).ends_with(read(*log)));
    EXPECT_FALSE(fs::exists(directory_ + "/c1-json.log.1"));
}

TEST_F(json_file_logs, an_append_that_rotated_is_taken_back) {
    const auto log = open({{"max-size", "1k"}, {"max-file", "5"}});
    append(*log, lines(0, 5));
    const std::string position = log->position();
    append(*log, lines(5, 30));
    ASSERT_TRUE(fs::exists(directory_ + "/c1-json.log.1"));
    loop_.run(log->unwind(position));
    append(*log, lines(5, 8));
    EXPECT_EQ(read(*log), lines(0, 8));
}

TEST_F(json_file_logs, the_last_lines_are_found_in_all_files) {
    const auto log = open({{"max-size", "1k"}, {"max-file", "5"}});
    append(*log, lines(0, 30));
    log_query query;
    for (const int count : {0, 1, 3, 20, 29}) {
        query.tail = static_cast<std::uint64_t>(count);
        EXPECT_EQ(read(*log, query), lines(30 - count, 30)) << count;
    }
    query.tail = 1000;
    EXPECT_EQ(read(*log, query), lines(0, 30));
}

TEST_F(json_file_logs, a_reader_that_follows_sees_what_is_appended_across_rotations_and_the_end) {
    const auto log = open({{"max-size", "1k"}, {"max-file", "50"}});
    append(*log, lines(0, 3));
    log_query query;
    query.follow = true;
    const auto reader = loop_.run(log->read(query));
    std::string text;
    std::size_t messages = 0;
    loop_.run(with_scope([&](scope& both) -> task<void> {
        both.spawn([](container_log* to) -> task<void> {
            for (int i = 3; i < 60; ++i) {
                const output_chunk one = chunk(lines(i, i + 1));
                co_await to->append(std::span{&one, 1});
            }
            co_await to->finish();
        }(log.get()));
        text = co_await read_all(reader.get(), &messages);
    }));
    EXPECT_EQ(text, lines(0, 60));
}

TEST_F(json_file_logs, a_reader_that_follows_ends_also_when_the_last_line_could_not_be_written) {
    const auto log = open();
    append(*log, "one\nunfinished");
    log_query query;
    query.follow = true;
    const auto reader = loop_.run(log->read(query));
    fs::remove_all(directory_);
    EXPECT_THROW(loop_.run(log->finish()), error);
    std::size_t messages = 0;
    EXPECT_EQ(loop_.run(with_timeout(std::chrono::seconds{5}, "reading", read_all(reader.get(), &messages))), "one\n");
}

TEST_F(json_file_logs, a_log_that_somebody_emptied_goes_on_and_stalls_no_reader) {
    const auto log = open();
    append(*log, lines(0, 50));
    fs::resize_file(directory_ + "/c1-json.log", 0);
    append(*log, "after\n");
    EXPECT_EQ(read(*log), "after\n");
}

TEST_F(json_file_logs, a_link_in_the_place_of_the_log_is_refused) {
    const std::string target = directory_ + "/target";
    std::ofstream{target} << "secret";
    fs::create_symlink(target, directory_ + "/c1-json.log");
    EXPECT_THROW(open(), error);
    std::ifstream in{target};
    std::string text;
    in >> text;
    EXPECT_EQ(text, "secret");
}

TEST_F(json_file_logs, no_descriptor_stays_open_between_two_appends) {
    const auto count = [] { return std::distance(fs::directory_iterator{"/proc/self/fd"}, fs::directory_iterator{}); };
    const auto before = count();
    const auto log = open();
    append(*log, "a\nb");
    EXPECT_EQ(count(), before);
}

TEST_F(json_file_logs, wrong_options_are_refused) {
    for (const options& wrong : {options{{"max-size", "ten"}}, options{{"max-size", "0"}}, options{{"max-file", "0"}},
                                 options{{"max-file", "2"}}, options{{"path", "/etc/x"}}})
        EXPECT_THROW(driver_.check(wrong), error);
    EXPECT_NO_THROW(driver_.check({{"max-size", "10m"}, {"max-file", "3"}}));
}

} // namespace
} // namespace davit
