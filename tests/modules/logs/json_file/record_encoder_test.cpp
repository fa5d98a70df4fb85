#include "modules/logs/json_file/record_encoder.h"

#include <gtest/gtest.h>

#include "core/rfc3339.h"
#include "modules/logs/json_file/record_decoder.h"

namespace davit {
namespace {

std::string encode(std::string_view line, bool has_newline = true, output_stream from = output_stream::standard_output,
                   const std::map<std::string, std::string>& attributes = {}) {
    record_encoder encoder{attributes};
    encoder.set_time(*parse_rfc3339("2026-11-24T16:25:36.5Z"));
    record_buffer out{encoder.longest_record()};
    encoder.append(out, from, line, has_newline);
    return std::string{out.text()};
}

std::string decode(std::string_view records) {
    record_decoder decoder{log_query{}};
    log_batch batch;
    decoder.decode(records, batch);
    return batch.bytes;
}

TEST(record_encoder, a_line_is_written_as_docker_writes_it) {
    EXPECT_EQ(encode("hello"), "{\"log\":\"hello\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-24T16:25:36.5Z\"}\n");
    EXPECT_EQ(encode("part", false, output_stream::standard_error),
              "{\"log\":\"part\",\"stream\":\"stderr\",\"time\":\"2026-11-24T16:25:36.5Z\"}\n");
}

TEST(record_encoder, what_json_and_html_give_a_meaning_is_escaped) {
    EXPECT_EQ(
        encode("\"q\" \\ <a>&b \t\r\x01\x7f \xe2\x80\xa8"),
        "{\"log\":\"\\\"q\\\" \\\\ \\u003ca\\u003e\\u0026b \\u0009\\r\\u0001\x7f \\u2028\\n\",\"stream\":\"stdout\","
        "\"time\":\"2026-11-24T16:25:36.5Z\"}\n");
}

TEST(record_encoder, attributes_stand_before_the_time) {
    EXPECT_EQ(encode("x", true, output_stream::standard_output, {{"a", "1"}, {"tag", "t\"g"}}),
              "{\"log\":\"x\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"1\",\"tag\":\"t\\\"g\"},"
              "\"time\":\"2026-11-24T16:25:36.5Z\"}\n");
}

TEST(record_encoder, bytes_that_are_no_text_are_replaced_as_docker_does_and_kept_beside) {
    const std::string record = encode("a\xff\xfe"
                                      "b");
    EXPECT_EQ(record, "{\"log\":\"a\\ufffd\\ufffdb\\n\",\"stream\":\"stdout\",\"raw\":\"Yf/+Ygo=\","
                      "\"time\":\"2026-11-24T16:25:36.5Z\"}\n");
    EXPECT_EQ(decode(record), "a\xff\xfe"
                              "b\n");
}

TEST(record_encoder, every_byte_and_every_length_comes_back) {
    std::string line;
    for (int size = 0; size < 300; ++size) {
        EXPECT_EQ(decode(encode(line)), line + "\n") << size;
        const char next = static_cast<char>(size * 7 % 256);
        if (next != '\n') line += next;
    }
}

TEST(record_encoder, text_of_all_lengths_of_utf8_comes_back_without_a_second_copy) {
    const std::string line = "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\x8b \xed\x9f\xbf";
    EXPECT_EQ(encode(line).find("raw"), std::string::npos);
    EXPECT_EQ(decode(encode(line)), line + "\n");
    for (const std::string_view wrong : {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"})
        EXPECT_NE(encode(wrong).find("raw"), std::string::npos);
}

TEST(record_encoder, the_longest_part_of_the_worst_bytes_fits_the_room_it_asks_for) {
    const std::string worst(record_encoder::longest_part, '\xff');
    const std::string record = encode(worst);
    EXPECT_LE(record.size(), record_encoder{{}}.longest_record());
    EXPECT_EQ(decode(record), worst + "\n");
}

TEST(record_decoder, records_of_other_writers_are_read_whatever_their_order) {
    EXPECT_EQ(decode("{\"time\":\"2026-11-24T16:25:36Z\", \"stream\":\"stderr\", \"log\":\"x\\n\", \"more\":[1]}\n"
                     "not a record\n"
                     "{\"log\":\"y\\n\",\"stream\":\"stdout\",\"time\":\"never\"}\n"
                     "{\"log\":\"\\ud83d\\udc0b\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-24T16:25:36Z\"}\n"),
              "x\n\xf0\x9f\x90\x8b\n");
}

TEST(record_decoder, streams_and_times_are_chosen) {
    log_query query;
    query.standard_error = false;
    query.since = parse_rfc3339("2026-11-24T00:00:02Z");
    query.until = parse_rfc3339("2026-11-24T00:00:03Z");
    record_decoder decoder{query};
    log_batch batch;
    const auto record = [](const char* stream, const char* second, const char* text) {
        return std::string{"{\"log\":\""} + text + "\",\"stream\":\"" + stream + "\",\"time\":\"2026-11-24T00:00:0" +
               second + "Z\"}\n";
    };
    EXPECT_TRUE(decoder.decode(record("stdout", "1", "early") + record("stdout", "2", "first") +
                                   record("stderr", "2", "other") + record("stdout", "3", "last"),
                               batch));
    EXPECT_FALSE(decoder.decode(record("stdout", "4", "late") + record("stdout", "3", "after"), batch));
    EXPECT_EQ(batch.bytes, "firstlast");
    ASSERT_EQ(batch.messages.size(), 2u);
    EXPECT_EQ(batch.messages[1].offset, 5u);
}

} // namespace
} // namespace davit
