#include "cli/exit_code.h"

#include <gtest/gtest.h>

#include "cli/command.h"

namespace davit::cli {
namespace {

TEST(exit_code_of_refusal, a_command_that_is_not_there_gives_127) {
    EXPECT_EQ(exit_code_of_refusal("exec: \"nope\": executable file not found in $PATH"), 127);
    EXPECT_EQ(exit_code_of_refusal("exec /bin/nope: no such file or directory"), 127);
}

TEST(exit_code_of_refusal, one_that_cannot_be_run_gives_126) {
    EXPECT_EQ(exit_code_of_refusal("exec /etc/passwd: permission denied"), 126);
    EXPECT_EQ(exit_code_of_refusal("exec /etc: is a directory"), 126);
}

TEST(exit_code_of_refusal, everything_else_gives_125) {
    EXPECT_EQ(exit_code_of_refusal("Error response from daemon: network x not found"), 125);
}

TEST(failure_with_help, it_says_where_help_is) {
    const exit_error made = failure_with_help(125, "run", "no");
    EXPECT_EQ(made.code(), 125);
    EXPECT_EQ(made.text(), "davit: no\n\nRun 'davit run --help' for more information");
}

} // namespace
} // namespace davit::cli
