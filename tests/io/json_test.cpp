#include "io/json.h"

#include <array>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/refusal.h"

namespace davit {
namespace {

enum class restart { no, always };

struct binding {
    std::string host_ip;
    std::uint16_t host_port = 0;
    bool operator==(const binding&) const = default;
};

struct tag {
    std::string text;
    bool operator==(const tag&) const = default;
};

struct one_or_many {
    std::vector<std::string> words;
};

struct base_fields {
    std::string name = "unnamed";
};

struct sample : base_fields {
    bool tty = false;
    std::int8_t small = 0;
    std::int64_t memory = 0;
    std::uint64_t huge = 0;
    double ratio = 0;
    std::optional<bool> init;
    std::optional<binding> first;
    std::vector<std::string> words;
    std::vector<binding> bindings;
    std::map<std::string, std::vector<binding>> ports;
    std::map<std::string, empty_object> volumes;
    restart policy = restart::no;
    raw_json raw;
    std::chrono::system_clock::time_point created;
    std::chrono::nanoseconds interval{};
    tag label;
    one_or_many command;
    std::vector<sample> children;
};

} // namespace

template <> struct fields_of<binding> {
    static constexpr field_list list{field("HostIp", &binding::host_ip), field("HostPort", &binding::host_port)};
};
template <> struct names_of<restart> {
    static constexpr std::array list{named_value{restart::no, "no"}, named_value{restart::always, "always"}};
};
template <> struct text_of<tag> {
    static std::string write(const tag& from) { return from.text; }
    static tag read(std::string_view text) {
        if (text == "bad") throw error(errc::invalid, "bad is no tag");
        return {std::string{text}};
    }
};
namespace io {
template <> struct json_form<one_or_many> {
    static void read(json_value& from, one_or_many& to) {
        if (from.kind() == json_kind::string)
            to.words = {std::string{from.string()}};
        else
            read_as(from, to.words);
    }
    static void write(json_writer& to, const one_or_many& from) { write_as(to, from.words); }
    static bool is_empty(const one_or_many& value) { return value.words.empty(); }
};
} // namespace io
template <> struct fields_of<sample> {
    static constexpr field_list list{
        field("Name", &sample::name),
        field("Tty", &sample::tty),
        field("Small", &sample::small, when_empty::omit),
        field("Memory", &sample::memory),
        field("Huge", &sample::huge, when_empty::omit),
        field("Ratio", &sample::ratio, when_empty::omit),
        field("Init", &sample::init, when_empty::omit),
        field("First", &sample::first),
        field("Words", &sample::words, when_empty::null),
        field("Bindings", &sample::bindings, when_empty::omit),
        field("Ports", &sample::ports, when_empty::omit),
        field("Volumes", &sample::volumes, when_empty::omit),
        field("Policy", &sample::policy, when_empty::omit),
        field("Raw", &sample::raw, when_empty::omit),
        field("Created", &sample::created, when_empty::omit),
        field("Interval", &sample::interval, when_empty::omit),
        field("Label", &sample::label, when_empty::omit),
        field("Cmd", &sample::command, when_empty::omit),
        field("Children", &sample::children, when_empty::omit),
    };
};

namespace {

sample read(std::string_view text) {
    return io::parse<sample>(text, "sample");
}

/// The sentence that a text is refused with; empty when it is not.
template <class T = sample> std::string refusal(std::string_view text, io::json_limits limits = {}) {
    return refusal_of([&] { io::parse<T>(text, "sample", limits); }, errc::invalid);
}

TEST(json, every_kind_of_member_is_read) {
    const auto value = read(R"( {
        "Name": "web\n\u00e9", "Tty": true, "Small": -128, "Memory": -9223372036854775808, "Huge": 18446744073709551615,
        "Ratio": 2.5e-1, "Init": false, "First": {"HostIp": "::", "HostPort": 80}, "Words": ["a", "b"],
        "Ports": {"80/tcp": [{"HostPort": 8080}], "53/udp": null}, "Volumes": {"/data": {}}, "Policy": "always",
        "Raw": {"b" : [1, 2.50], "a":12345678901234567890123 } , "Created": "2026-11-24T16:25:36.000000001Z",
        "Interval": 30000000000, "Label": "v1", "Cmd": "one", "Children": [{"Name": "child"}]
    } )");
    EXPECT_EQ(value.name, "web\né");
    EXPECT_TRUE(value.tty);
    EXPECT_EQ(value.small, -128);
    EXPECT_EQ(value.memory, std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(value.huge, std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(value.ratio, 0.25);
    EXPECT_EQ(value.init, std::optional{false});
    EXPECT_EQ(value.first, (binding{"::", 80}));
    EXPECT_EQ(value.words, (std::vector<std::string>{"a", "b"}));
    ASSERT_EQ(value.ports.size(), 2u);
    EXPECT_EQ(value.ports.at("80/tcp"), (std::vector<binding>{{"", 8080}}));
    EXPECT_TRUE(value.ports.at("53/udp").empty());
    EXPECT_TRUE(value.volumes.contains("/data"));
    EXPECT_EQ(value.policy, restart::always);
    EXPECT_EQ(value.raw.text, R"({"b" : [1, 2.50], "a":12345678901234567890123 })");
    EXPECT_EQ(value.created.time_since_epoch(), std::chrono::nanoseconds{1795537536000000001});
    EXPECT_EQ(value.interval, std::chrono::seconds{30});
    EXPECT_EQ(value.label.text, "v1");
    EXPECT_EQ(value.command.words, std::vector<std::string>{"one"});
    ASSERT_EQ(value.children.size(), 1u);
    EXPECT_EQ(value.children[0].name, "child");
}

TEST(json, what_is_written_reads_back_the_same) {
    constexpr std::string_view text =
        R"({"Name":"a<b>&\"\\\u0001/","Tty":false,"Small":-1,"Memory":0,"Huge":18446744073709551615,"Ratio":0.1,)"
        R"("Init":false,"First":null,"Words":null,"Ports":{"53/udp":[],"80/tcp":[{"HostIp":"","HostPort":65535}]},)"
        R"("Volumes":{"/data":{}},"Policy":"no","Raw":[1.0,  true],"Created":"2026-11-24T16:25:36.5Z","Interval":5,)"
        R"("Label":"x","Cmd":["a","b"],"Children":[{"Name":"child","Tty":true,"Memory":1,"First":null,"Words":["w"],)"
        R"("Policy":"always"}]})";
    EXPECT_EQ(io::to_json(read(text)), text);
}

TEST(json, unknown_members_are_ignored_but_must_be_json) {
    EXPECT_EQ(read(R"({"Else":{"deep":[1,{"x":null}],"big":1e999},"Name":"n"})").name, "n");
    for (const auto* bad :
         {R"({"Else":tru})", R"({"Else":01})", R"({"Else":1.})", R"({"Else":[1,]})", R"({"Else":{"a"}})",
          R"({"Else":"\x"})", R"({"Else":nul})", R"({"Else":+1})", R"({"Else":[1 2]})", R"({"Else"})",
          R"({"Else":{"a":1,}})", "{\"Else\":\"\x01\"}", R"({"Else":-})", R"({"Else":1 2})"})
        EXPECT_NE(refusal(bad), "") << bad;
}

TEST(json, null_leaves_a_member_as_it_is) {
    const auto value =
        read(R"({"Name":null,"Tty":null,"Memory":null,"Ratio":null,"Words":null,"Ports":null,"Policy":null,
        "Created":null,"Label":null,"Interval":null,"Children":null,"First":null,"Volumes":null,"Small":null,"Huge":null})");
    EXPECT_EQ(value.name, "unnamed");
    EXPECT_FALSE(value.first.has_value());
    EXPECT_EQ(read("null").name, "unnamed");
}

TEST(json, members_match_exactly_first_and_then_whatever_their_case) {
    EXPECT_EQ(read(R"({"name":"lower"})").name, "lower");
    EXPECT_EQ(read(R"({"NAME":"upper"})").name, "upper");
    EXPECT_EQ(read(R"({"Name":"a","name":"b"})").name, "b");
}

TEST(json, the_last_of_two_equal_members_counts) {
    EXPECT_EQ(read(R"({"Words":["a","b"],"Words":["c"]})").words, std::vector<std::string>{"c"});
    EXPECT_TRUE(read(R"({"Words":["a","b"],"Words":[]})").words.empty());
}

TEST(json, wrong_types_are_refused_with_the_path) {
    EXPECT_EQ(refusal(R"({"Ports":{"80/tcp":[{},{"HostIp":5}]}})"),
              R"(sample: Ports["80/tcp"][1].HostIp: expected a string, found a number)");
    EXPECT_EQ(refusal(R"({"children":[{"tty":"yes"}]})"),
              "sample: Children[0].Tty: expected a boolean, found a string");
    EXPECT_EQ(refusal(R"({"Words":{}})"), "sample: Words: expected an array, found an object");
    EXPECT_EQ(refusal(R"({"First":[]})"), "sample: First: expected an object, found an array");
    EXPECT_EQ(refusal(R"({"Memory":"1"})"), "sample: Memory: expected a whole number, found a string");
    EXPECT_EQ(refusal(R"([])"), "sample: expected an object, found an array");
    EXPECT_EQ(refusal(R"("x")"), "sample: expected an object, found a string");
    EXPECT_EQ(refusal(R"({"Policy":"never"})"), R"(sample: Policy: expected one of "no", "always", found "never")");
    EXPECT_EQ(refusal(R"({"Created":"today"})"), R"(sample: Created: expected a time as in RFC 3339, found "today")");
    EXPECT_EQ(refusal(R"({"Label":"bad"})"), "sample: Label: bad is no tag");
}

TEST(json, a_hostile_key_is_masked_in_the_path) {
    EXPECT_EQ(refusal(R"({"Ports":{"a\u001b[31m\n\"":5}})"),
              R"(sample: Ports["a?[31m??"]: expected an array, found a number)");
}

TEST(json, numbers_outside_their_type_are_refused) {
    EXPECT_EQ(refusal(R"({"Small":128})"), "sample: Small: 128 is not between -128 and 127");
    EXPECT_EQ(refusal(R"({"Huge":-1})"), "sample: Huge: -1 is not between 0 and 18446744073709551615");
    EXPECT_EQ(refusal(R"({"Huge":18446744073709551616})"),
              "sample: Huge: 18446744073709551616 is not between 0 and 18446744073709551615");
    EXPECT_EQ(refusal(R"({"Memory":9223372036854775808})").substr(0, 30), "sample: Memory: 92233720368547");
    EXPECT_EQ(refusal(R"({"Memory":1.0})"), "sample: Memory: expected a whole number, found 1.0");
    EXPECT_EQ(refusal(R"({"Memory":1e3})"), "sample: Memory: expected a whole number, found 1e3");
    EXPECT_EQ(refusal(R"({"Ratio":1e999})"), "sample: Ratio: 1e999 is out of range");
    EXPECT_NE(refusal(R"({"Memory":0x10})"), "");
    EXPECT_NE(refusal(R"({"Memory":007})"), "");
    EXPECT_EQ(read(R"({"Huge":-0,"Memory":-0})").huge, 0u);
}

TEST(json, depth_is_bounded) {
    const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
    EXPECT_EQ(refusal<raw_json>(nested(64)), "");
    EXPECT_NE(refusal<raw_json>(nested(65)).find("nested deeper than 64 levels"), std::string::npos);
    EXPECT_EQ(refusal(R"({"Else":)" + nested(63) + "}"), "");
    EXPECT_NE(refusal(R"({"Else":)" + nested(64) + "}"), "");
    EXPECT_NE(refusal(nested(1'000'000)), "");
    EXPECT_EQ(refusal<raw_json>("[[1]]", {.depth = 1}), "sample: [0]: nested deeper than 1 levels");
}

TEST(json, anything_after_the_value_is_refused) {
    for (const auto* bad :
         {"{} x", "{}{}", "{}]", "{}}", "{},", "null null", "1,2", "1]", "1],[2", "\"a\" \"b\"", "[1]]", "null]"})
        EXPECT_NE(refusal<raw_json>(bad), "") << bad;
    EXPECT_EQ(refusal("{} \r\n\t"), "");
}

TEST(json, broken_and_empty_texts_are_refused) {
    EXPECT_EQ(refusal(""), "sample: expected JSON, found nothing");
    EXPECT_EQ(refusal(" \n"), "sample: expected JSON, found nothing");
    for (const auto* bad : {"{",
                            "[",
                            "}",
                            "]",
                            "{\"a\"",
                            "{\"a\":",
                            "{\"a\":1",
                            "[1",
                            "[1,",
                            "\"a",
                            "{a:1}",
                            "{'a':1}",
                            "[}",
                            "{]",
                            "{\"Words\":[\"a\"}",
                            "\xEF\xBB\xBF{}",
                            "//\n{}",
                            "[,]",
                            "[1,,2]",
                            "{,}",
                            "{\"a\" 1}",
                            ":",
                            ","})
        EXPECT_NE(refusal<raw_json>(bad), "") << bad;
}

TEST(json, every_prefix_of_a_text_is_refused_or_whole) {
    const std::string text =
        R"({"Name":"x\u00e9","Ports":{"a":[{"HostPort":1}]},"Raw":[1,{"k":"v"}],"Words":["a","b"]})";
    for (std::size_t length = 0; length < text.size(); ++length)
        EXPECT_NE(refusal(text.substr(0, length)), "") << length;
    EXPECT_EQ(refusal(text), "");
}

TEST(json, text_that_is_not_utf8_is_refused_when_read_and_replaced_when_written) {
    EXPECT_EQ(refusal("{\"Name\":\"\xff\"}"), "sample: the JSON is not valid UTF-8");
    EXPECT_EQ(refusal("{\"Else\":\"\xc0\x80\"}"), "sample: the JSON is not valid UTF-8");
    EXPECT_EQ(io::to_json(std::string{"a\xff"
                                      "b\xe2\x82"
                                      "c\xed\xa0\x80"
                                      "\xf0\x9f\x98\x80"}),
              "\"a\uFFFDb\uFFFD\uFFFDc\uFFFD\uFFFD\uFFFD😀\"");
    EXPECT_EQ(io::to_json(std::map<std::string, int>{{"\xfe", 1}}), "{\"\uFFFD\":1}");
}

TEST(json, scalars_and_containers_stand_alone) {
    EXPECT_EQ(io::parse<std::string>(" \"a\" ", "text"), "a");
    EXPECT_EQ(io::parse<int>("42", "number"), 42);
    EXPECT_TRUE(io::parse<bool>("true", "flag"));
    EXPECT_EQ((io::parse<std::vector<std::vector<int>>>("[[1,2],[],[3]]", "lists")),
              (std::vector<std::vector<int>>{{1, 2}, {}, {3}}));
    EXPECT_EQ(io::parse<raw_json>("  1.50 ", "raw").text, "1.50");
    EXPECT_EQ(io::parse<raw_json>(" [ 1 ] ", "raw").text, "[ 1 ]");
    EXPECT_EQ(io::to_json(raw_json{}), "null");
    EXPECT_EQ(io::to_json(std::string{}), "\"\"");
    EXPECT_EQ(io::to_json(std::vector<int>{}), "[]");
    EXPECT_EQ(io::to_json(1.0), "1");
    EXPECT_EQ(io::to_json(-0.5), "-0.5");
    EXPECT_THROW(io::to_json(std::numeric_limits<double>::quiet_NaN()), error);
}

TEST(json, raw_values_keep_their_bytes_anywhere) {
    using map = std::map<std::string, raw_json>;
    const auto value = io::parse<map>(R"({"a": "x\u0041" , "b":[ ], "c":{"d" : 1 }, "e":null,"f": -1.0e5})", "raw");
    EXPECT_EQ(value.at("a").text, R"("x\u0041")");
    EXPECT_EQ(value.at("b").text, "[ ]");
    EXPECT_EQ(value.at("c").text, R"({"d" : 1 })");
    EXPECT_EQ(value.at("e").text, "null");
    EXPECT_EQ(value.at("f").text, "-1.0e5");
    EXPECT_NE(refusal<map>(R"({"a":{"b":[1,}})"), "");
}

TEST(json, parse_into_keeps_what_the_text_does_not_mention) {
    sample value;
    value.name = "kept";
    value.memory = 5;
    io::parse_into(value, R"({"Memory":6})", "sample");
    EXPECT_EQ(value.name, "kept");
    EXPECT_EQ(value.memory, 6);
}

TEST(json, a_failed_read_does_not_disturb_the_next) {
    EXPECT_NE(refusal(R"({"Words":["a", 5]})"), "");
    EXPECT_EQ(read(R"({"Words":["b"]})").words, std::vector<std::string>{"b"});
    const std::string big(1 << 20, 'x');
    EXPECT_EQ(read(R"({"Name":")" + big + R"("})").name, big);
    EXPECT_EQ(read(R"({"Name":"small"})").name, "small");
}

} // namespace
} // namespace davit
