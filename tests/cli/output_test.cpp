#include "cli/output.h"

#include <gmock/gmock.h>

#include "cli/command.h"

namespace davit::cli {
namespace {

value row(std::string id, std::string name) {
    value made;
    made.set("ID", std::move(id));
    made.set("Name", std::move(name));
    return made;
}

listing list_as(std::string format) {
    listing list{std::move(format), {{"ID", "CONTAINER ID"}, {"Name", "NAMES"}}};
    list.add(row("0123456789ab", "one"));
    list.add(row("ba9876543210", "änother"));
    return list;
}

std::string complaint(std::string format) {
    try {
        list_as(std::move(format)).text();
    } catch (const exit_error& e) {
        return fmt::format("{} {}", e.code(), e.text());
    }
    return "";
}

TEST(printable, control_characters_are_left_out_also_those_above_ascii) {
    EXPECT_EQ(printable("a\x1b[31mb\x07\x7f\nc\td"), "a[31mbcd");
    EXPECT_EQ(printable("a\xc2\x9b"
                        "2Jb"),
              "a2Jb");
    EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f"
                        "e \xc2\xa0\xe2\x80\xa6"),
              "gr\xc3\xbc\xc3\x9f"
              "e \xc2\xa0\xe2\x80\xa6");
    EXPECT_EQ(printable_lines("a\x1b]0;title\x07\n\tb\r"), "a]0;title\n\tb");
}

TEST(with_ellipsis, no_character_is_cut_in_two) {
    EXPECT_EQ(with_ellipsis("abc", 3), "abc");
    EXPECT_EQ(with_ellipsis("abcd", 3), "ab…");
    EXPECT_EQ(with_ellipsis("ééé", 3), "ééé");
    EXPECT_EQ(with_ellipsis("éééé", 3), "éé…");
}

TEST(table, columns_are_at_least_ten_wide_and_three_blanks_apart) {
    table made{{"A", "LONGER HEADING", "C"}};
    made.add({"a value of length 21!", "b", "c"});
    EXPECT_EQ(made.text(), "A                       LONGER HEADING   C\na value of length 21!   b                c\n");
    table small{{"A", "B"}};
    EXPECT_EQ(small.text(), "A         B\n");
}

TEST(listing, without_a_format_it_is_the_table_of_its_columns) {
    EXPECT_EQ(list_as("").text(), "CONTAINER ID   NAMES\n0123456789ab   one\nba9876543210   änother\n");
    EXPECT_EQ(list_as("table").text(), list_as("").text());
}

TEST(listing, a_template_makes_a_line_of_each_row_and_understands_escapes_of_the_shell) {
    EXPECT_EQ(list_as("{{.Name}}\\t{{.ID}}").text(), "one\t0123456789ab\nänother\tba9876543210\n");
}

TEST(listing, a_table_template_has_the_headings_of_its_fields) {
    EXPECT_EQ(list_as("table {{.Name}}\\t{{.ID}}").text(),
              "NAMES     CONTAINER ID\none       0123456789ab\nänother   ba9876543210\n");
}

TEST(listing, headings_are_not_changed_by_functions_that_change_how_values_look) {
    EXPECT_EQ(list_as("table {{lower .Name}}\t{{json .ID}}").text().substr(0, 19), "NAMES     CONTAINER");
    EXPECT_THAT(list_as(R"(table {{if eq .ID "x"}}{{.Name}}{{end}})").text(), testing::StartsWith("\n"));
}

TEST(listing, the_word_table_needs_no_blank_after_it_but_none_before) {
    EXPECT_EQ(list_as("table{{.Name}}").text(), list_as("table {{.Name}}").text());
    EXPECT_THAT(list_as("  table {{.Name}}").text(), testing::StartsWith("table "));
}

TEST(listing, json_is_an_object_a_line) {
    EXPECT_EQ(list_as("json").text(),
              "{\"ID\":\"0123456789ab\",\"Name\":\"one\"}\n{\"ID\":\"ba9876543210\",\"Name\":\"änother\"}\n");
}

TEST(listing, hostile_text_in_a_cell_moves_no_cursor) {
    listing list{"", {{"Name", "NAMES"}}};
    list.add(row("", "x\x1b[2J\ny"));
    EXPECT_EQ(list.text(), "NAMES\nx[2Jy\n");
}

TEST(listing, a_template_that_is_wrong_ends_the_program) {
    EXPECT_EQ(complaint("{{.Name"), "1 template parsing error: template: :1: unclosed action");
    EXPECT_THAT(complaint("{{.Nope}}"), testing::HasSubstr("1 template parsing error: template: :1:2: executing"));
}

TEST(value, json_for_people_is_indented_by_four_and_keeps_the_order_of_keys) {
    EXPECT_EQ(value::parse(R"({"b":[1,{"a":null}],"a":{},"c":[],"d":1.50})", "x").to_pretty_json(),
              "{\n    \"b\": [\n        1,\n        {\n            \"a\": null\n        }\n    ],\n    \"a\": {},\n    "
              "\"c\": [],\n    \"d\": 1.50\n}");
}

} // namespace
} // namespace davit::cli
