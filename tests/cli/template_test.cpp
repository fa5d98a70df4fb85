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

TEST(text_template, literals_are_gos_numbers_characters_and_texts) {
    EXPECT_EQ(rendered("{{1.5}} {{0x10}} {{1e3}} {{-3}} {{1_000}}"), "1.5 16 1000 -3 1000");
    EXPECT_EQ(rendered("{{'a'}} {{'é'}}"), "97 233");
    EXPECT_EQ(rendered(R"({{"a\tb\u00e9\x41"}})"), "a\tb\u00e9"
                                                   "A");
    EXPECT_THAT(complaint("{{1.2.3}}"), HasSubstr("bad number syntax"));
    EXPECT_THAT(complaint(R"({{"\x"}})"), HasSubstr("invalid syntax"));
}

TEST(text_template, a_range_can_be_left_or_go_on_early_and_counts_up_to_a_number) {
    EXPECT_EQ(rendered("{{range .List}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}!"), "a!");
    EXPECT_EQ(rendered("{{range .List}}{{if eq . \"a\"}}{{continue}}{{end}}{{.}}{{end}}!"), "b!");
    EXPECT_EQ(rendered("{{range .Count}}{{.}}{{end}}"), "012");
    EXPECT_THAT(complaint("{{break}}"), HasSubstr("outside {{range}}"));
}

TEST(text_template, texts_are_cut_and_escaped_by_functions) {
    EXPECT_EQ(rendered("{{slice .Name 1 3}} {{slice .List 1}}"), "bo [b]");
    EXPECT_THAT(complaint("{{slice .Name 9}}"), HasSubstr("index out of range: 9"));
    EXPECT_THAT(complaint("{{slice .Name 2 1}}"), HasSubstr("invalid slice index: 2 > 1"));
    EXPECT_EQ(rendered(R"({{html "<a>"}} {{js "a\"b"}} {{urlquery "a b&c"}})"), R"(&lt;a&gt; a\"b a+b%26c)");
    EXPECT_EQ(rendered(R"({{pad "" 2 2}}|{{pad "a" 1 2}}|)"), "| a  |");
    EXPECT_EQ(rendered(R"({{split "ended" "e"}})"), "[ nd d]");
}

TEST(text_template, printf_complains_of_wrong_types_as_go_does) {
    EXPECT_EQ(rendered(R"({{printf "%d %5.1f %T %T" 12 1.25 "a" 1}})"), "12   1.2 string int");
    EXPECT_EQ(rendered(R"({{printf "%d" .Name}})"), "%!d(string=/box)");
    EXPECT_EQ(rendered(R"({{printf "%f" 2.5}})"), "2.500000");
}

TEST(text_template, printf_knows_gos_verbs_and_complains_of_what_is_left_over) {
    EXPECT_EQ(rendered(R"({{printf "%x %X %x %o %b %e %g %+d" 255 255 "az" 8 5 1.5 1.5 3}})"),
              "ff FF 617a 10 101 1.500000e+00 1.5 +3");
    EXPECT_EQ(rendered(R"({{printf "%s %s" 3 true}})"), "%!s(int=3) %!s(bool=true)");
    EXPECT_EQ(rendered(R"({{printf "a" 1 "b"}})"), "a%!(EXTRA int=1, string=b)");
    EXPECT_EQ(rendered(R"({{printf "%v %v" .Nothing .Map}})"), "<nil> map[k:2 z:1]");
}

TEST(text_template, templates_are_defined_and_used_by_their_names) {
    EXPECT_EQ(rendered(R"({{define "a"}}<{{.}}>{{end}}{{template "a" .Name}}{{template "a" .Count}}{{template "a"}})"),
              "</box><3><<no value>>");
    EXPECT_EQ(rendered(R"({{block "b" .State}}{{.Code}}{{end}} {{template "b" .State}})"), "7 7");
    EXPECT_EQ(rendered(R"({{template "a"}}{{define "a"}}late{{end}})"), "late");
    EXPECT_EQ(rendered(R"({{define "a"}}unused{{end}})"), "");
    EXPECT_EQ(rendered(R"({{$x := 1}}{{define "a"}}{{$}}{{end}}{{template "a" $x}})"), "1");
    EXPECT_THAT(complaint(R"({{template "nope" .}})"), HasSubstr("template \"nope\" not defined"));
    EXPECT_THAT(complaint(R"({{define "r"}}{{template "r"}}{{end}}{{template "r"}})"),
                HasSubstr("exceeded maximum template depth"));
    EXPECT_THAT(complaint(R"({{define "a"}}x)"), HasSubstr("unexpected EOF"));
    EXPECT_THAT(complaint("{{template x}}"), HasSubstr("in template clause"));
}

TEST(text_template, and_and_or_look_no_further_than_they_need) {
    EXPECT_EQ(rendered("{{or .On (index .List 9)}} {{and .Empty (index .List 9)}}"), "true []");
    EXPECT_EQ(rendered("{{and .On .Name}} {{or .Empty .Name}} {{.Name | and .On}}"), "/box /box /box");
    EXPECT_THAT(complaint("{{and .On (index .List 9)}}"), HasSubstr("index out of range: 9"));
    EXPECT_THAT(complaint("{{and}}"), HasSubstr("wrong number of args for and"));
    EXPECT_THAT(complaint("{{len or}}"), HasSubstr("wrong number of args for or"));
}

TEST(text_template, a_function_that_refuses_is_shown_with_its_place) {
    EXPECT_EQ(complaint("{{index .List 9}}"), R"(template: :1:2: executing "" at <index .List 9>: )"
                                              "error calling index: index out of range: 9");
    EXPECT_EQ(complaint("x {{and .On (len 3)}}"),
              R"(template: :1:13: executing "" at <len 3>: error calling len: len of type int)");
    EXPECT_EQ(complaint("{{.Name .Count}}"),
              R"(template: :1:2: executing "" at <.Name>: Name is not a method but has arguments)");
    EXPECT_EQ(complaint("{{range .Name}}{{end}}"),
              R"(template: :1:8: executing "" at <.Name>: range can't iterate over /box)");
}

TEST(text_template, members_that_are_structures_are_printed_without_names) {
    const value box =
        value::parse(R"({"Log":{"Type":"json-file","Config":{"b":"2","a":"1"}},"Labels":{"z":"1","k":"2"},)"
                     R"("Places":[{"In":"/x","Out":null}]})",
                     "a box");
    template_object typed;
    typed.null_text = [](const std::string&) { return "<nil>"; };
    const auto with = [&](std::string_view source) { return text_template{source}.render(box, typed); };
    EXPECT_EQ(with("{{.Log}} {{.Labels}} {{.Places}}"), "{json-file map[a:1 b:2]} map[k:2 z:1] [{/x <nil>}]");
    EXPECT_EQ(text_template{"{{.Labels}}"}.render(box), "map[k:2 z:1]");
}

TEST(text_template, unlike_things_are_not_compared) {
    EXPECT_THAT(complaint(R"({{eq 1 "a"}})"), HasSubstr("incompatible types"));
    EXPECT_THAT(complaint(R"({{ne .On "true"}})"), HasSubstr("incompatible types"));
    EXPECT_EQ(rendered("{{lt 1.5 2.5}} {{gt 10.5 9.5}}"), "true true");
}

TEST(text_template, what_a_map_of_the_users_own_keys_lacks_is_no_mistake) {
    const value box = value::parse(R"({"Config":{"Labels":{"a":"b"}},"Ports":{"80/tcp":[]}})", "a box");
    EXPECT_EQ(text_template{"{{.Config.Labels.nope}}"}.render(box), "<no value>");
    EXPECT_EQ(text_template{R"({{index .Config.Labels "nope"}})"}.render(box), "");
    EXPECT_EQ(text_template{R"({{index .Ports "81/tcp"}})"}.render(box), "<no value>");
}

TEST(text_template, members_that_are_known_and_absent_are_what_the_object_says) {
    template_object object;
    object.find = [](const std::string& name) { return name == "Health" ? std::optional{value{}} : std::nullopt; };
    object.type_name = "box";
    const auto with = [&](std::string_view source) { return text_template{source}.render(example, object); };
    EXPECT_EQ(with("{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}"), "none");
    try {
        with("{{.Nope}}");
        FAIL() << "nothing was thrown";
    } catch (const error& e) {
        EXPECT_THAT(e.text(), HasSubstr("can't evaluate field Nope in type box"));
    }
}

} // namespace
} // namespace davit::cli
