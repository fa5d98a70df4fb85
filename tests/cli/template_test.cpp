#include "cli/template.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/core/refusal.h"

namespace davit::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const value example = value::parse(
    R"({"Name":"/box","Count":3,"On":true,"Empty":[],"Nothing":null,"List":["a","b"],"Map":{"z":1,"k":2},"State":{"Code":7}})",
    "an example");

std::string rendered(std::string_view source) {
    return text_template{source}.render(example);
}

std::string complaint(std::string_view source) {
    return refusal_of([&] { rendered(source); });
}

TEST(text_template, fields_are_put_in_place_and_printed_as_go_prints_them) {
    EXPECT_EQ(rendered("{{.Name}} {{.Count}} {{.On}} {{.State.Code}}"), "/box 3 true 7");
    EXPECT_EQ(rendered("{{.List}} {{.Empty}}"), "[a b] []");
    EXPECT_EQ(rendered("{{.Nothing}}"), "<no value>");
}

TEST(text_template, conditions_take_the_branch_that_the_value_says) {
    EXPECT_EQ(rendered("{{if .On}}yes{{else}}no{{end}}"), "yes");
    EXPECT_EQ(rendered("{{if .Empty}}yes{{else if eq .Count 3}}three{{else}}no{{end}}"), "three");
    EXPECT_EQ(rendered("{{with .State}}{{.Code}}{{end}}"), "7");
    EXPECT_EQ(rendered("{{with .Nothing}}some{{else}}none{{end}}"), "none");
}

TEST(text_template, ranges_walk_lists_in_order_and_maps_by_key) {
    EXPECT_EQ(rendered("{{range $i, $e := .List}}{{$i}}={{$e}};{{end}}"), "0=a;1=b;");
    EXPECT_EQ(rendered("{{range $k, $v := .Map}}{{$k}}={{$v}};{{end}}"), "k=2;z=1;");
    EXPECT_EQ(rendered("{{range .Empty}}x{{else}}none{{end}}"), "none");
}

TEST(text_template, functions_take_arguments_and_what_is_piped_into_them) {
    EXPECT_EQ(rendered(R"({{join .List ", "}} {{.Name | upper}} {{len .List}} {{index .Map "z"}})"), "a, b /BOX 2 1");
    EXPECT_EQ(rendered("{{json .List}} {{json .Nothing}}"), R"(["a","b"] null)");
    EXPECT_EQ(rendered(R"({{printf "%-4s|%03d" "ab" .Count}})"), "ab  |003");
    EXPECT_EQ(rendered("{{if and .On (gt .Count 2) (not .Empty)}}all{{end}}"), "all");
}

TEST(text_template, comments_vanish_and_dashes_trim) {
    EXPECT_EQ(rendered("a {{- /* why */ -}} b"), "ab");
    EXPECT_EQ(rendered("a  {{- .Count -}}  b"), "a3b");
}

TEST(text_template, what_cannot_be_read_is_refused_in_gos_words) {
    EXPECT_EQ(complaint("{{.Name"), "template: :1: unclosed action");
    EXPECT_EQ(complaint("{{nope .Name}}"), "template: :1: function \"nope\" not defined");
    EXPECT_EQ(complaint("{{if .On}}x"), "template: :1: unexpected EOF");
}

TEST(text_template, an_unknown_field_is_named_with_its_place) {
    EXPECT_EQ(complaint("{{.Nope}}"), R"(template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope")");
    EXPECT_EQ(complaint("x\n{{.State.Nope}}"),
              R"(template: :2:8: executing "" at <.State.Nope>: map has no entry for key "Nope")");
    EXPECT_THAT(complaint("{{.Nothing.Deep}}"), HasSubstr("nil pointer evaluating interface {}.Deep"));
    EXPECT_THAT(complaint("{{.Name.Deep}}"), HasSubstr("can't evaluate field Deep in type interface {}"));
}

TEST(text_template, a_name_in_another_case_is_found_where_the_exact_one_is_not) {
    EXPECT_EQ(rendered("{{.NAME}} {{.state.code}}"), "/box 7");
}

TEST(text_template, an_object_may_have_methods_members_without_json_and_typed_nulls) {
    template_object object;
    object.call = [](const std::string& name, const value& key) -> std::optional<value> {
        if (name != "Label") return std::nullopt;
        return value{"label " + key.to_text()};
    };
    object.find = [](const std::string& name) -> std::optional<value> {
        if (name != "From") return std::nullopt;
        return value{"elsewhere"};
    };
    object.null_text = [](const std::string& name) { return "no " + name; };
    EXPECT_EQ(text_template{R"({{.Label "a"}} {{.From}} {{.Nothing}} {{json .Nothing}})"}.render(example, object),
              "label a elsewhere no Nothing null");
}

TEST(text_template, headings_are_the_fields_of_its_actions) {
    EXPECT_THAT(text_template{"{{.ID}}\t{{upper .Names}} {{.State.Code}}"}.heading_fields(),
                ElementsAre("ID", "Names", "Code"));
}

} // namespace
} // namespace davit::cli
