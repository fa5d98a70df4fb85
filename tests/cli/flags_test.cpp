#include "cli/flags.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/core/refusal.h"

namespace davit::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using words = std::vector<std::string>;

struct flags : testing::Test {
    flags() {
        set.boolean("tty", 't', tty, "Allocate a pseudo-TTY");
        set.boolean("interactive", 'i', interactive, "Keep STDIN open");
        set.optional_boolean("init", init, "Run an init");
        set.text("name", 'n', name, "A name");
        set.list("env", 'e', environment, "Variables");
        set.number("time", 0, seconds, "Seconds");
        set.alias("timeout", "time");
    }

    std::string complaint(const words& given) {
        return refusal_of([&] { set.parse(given, true); });
    }

    flag_set set;
    bool tty = false, interactive = false;
    std::optional<bool> init;
    std::string name;
    words environment;
    std::optional<std::int64_t> seconds;
};

TEST_F(flags, several_short_flags_stand_in_one_word_and_the_last_takes_its_value_from_it_or_from_the_next) {
    EXPECT_THAT(set.parse({"-itnbox", "image"}, false), ElementsAre("image"));
    EXPECT_TRUE(tty);
    EXPECT_TRUE(interactive);
    EXPECT_EQ(name, "box");
    set.parse({"-tn", "next"}, false);
    EXPECT_EQ(name, "next");
    set.parse({"-n=equals"}, false);
    EXPECT_EQ(name, "equals");
}

TEST_F(flags, a_long_flag_takes_its_value_after_an_equals_sign_or_from_the_next_word) {
    set.parse({"--name=a=b", "--env", "X=1", "--env=Y"}, false);
    EXPECT_EQ(name, "a=b");
    EXPECT_THAT(environment, ElementsAre("X=1", "Y"));
}

TEST_F(flags, a_boolean_takes_no_word_but_may_be_unset) {
    EXPECT_THAT(set.parse({"--tty", "false"}, true), ElementsAre("false"));
    EXPECT_TRUE(tty);
    EXPECT_THAT(complaint({"--tty="}), HasSubstr("strconv.ParseBool: parsing \"\": invalid syntax"));
    set.parse({"--tty=false", "--init=0"}, true);
    EXPECT_FALSE(tty);
    EXPECT_EQ(init, std::optional{false});
}

TEST_F(flags, flags_after_the_first_word_belong_to_the_command_unless_they_are_interspersed) {
    EXPECT_THAT(set.parse({"-i", "image", "-t"}, false), ElementsAre("image", "-t"));
    EXPECT_FALSE(tty);
    EXPECT_THAT(set.parse({"-i", "image", "-t"}, true), ElementsAre("image"));
    EXPECT_TRUE(tty);
}

TEST_F(flags, two_dashes_end_them_and_one_dash_is_a_word) {
    EXPECT_THAT(set.parse({"--", "-t"}, true), ElementsAre("-t"));
    EXPECT_THAT(set.parse({"-", "-i"}, true), ElementsAre("-"));
    EXPECT_FALSE(tty);
}

TEST_F(flags, an_alias_sets_the_same_value_and_is_not_in_the_help) {
    set.parse({"--timeout", "7"}, true);
    EXPECT_EQ(seconds, 7);
    EXPECT_THAT(set.help("Options"), Not(HasSubstr("timeout")));
}

TEST_F(flags, what_is_wrong_is_said_in_dockers_words) {
    EXPECT_EQ(complaint({"--nope"}), "unknown flag: --nope");
    EXPECT_EQ(complaint({"--=x"}), "bad flag syntax: --=x");
    EXPECT_EQ(complaint({"---tty"}), "bad flag syntax: ---tty");
    EXPECT_THAT(complaint({"--time=99999999999999999999"}), HasSubstr("value out of range"));
    EXPECT_EQ(complaint({"-itZ"}), "unknown shorthand flag: 'Z' in -Z");
    EXPECT_EQ(complaint({"--name"}), "flag needs an argument: --name");
    EXPECT_EQ(complaint({"-tn"}), "flag needs an argument: 'n' in -n");
    EXPECT_EQ(complaint({"--time=soon"}),
              "invalid argument \"soon\" for \"--time\" flag: strconv.ParseInt: parsing \"soon\": invalid syntax");
    EXPECT_EQ(
        complaint({"-t=maybe"}),
        "invalid argument \"maybe\" for \"-t, --tty\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax");
}

TEST_F(flags, help_lists_them_by_name_with_their_types_in_one_column) {
    EXPECT_THAT(set.help("Options"),
                HasSubstr("\nOptions:\n  -e, --env list      Variables\n      --init          Run an "
                          "init\n  -i, --interactive   Keep STDIN open\n"));
    EXPECT_EQ(flag_set{}.help("Options"), "");
}

} // namespace
} // namespace davit::cli
