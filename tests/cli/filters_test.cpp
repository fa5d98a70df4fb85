#include "cli/filters.h"

#include <chrono>

#include <gmock/gmock.h>

#include "cli/command.h"

namespace davit::cli {
namespace {

std::vector<std::string> parsed(const std::vector<std::string>& words) {
    std::vector<std::string> filters;
    flag_set flags;
    declare_filters(flags, filters);
    flags.parse(words, true);
    return filters;
}

TEST(filters, values_of_one_name_are_gathered_and_names_are_lower_case) {
    EXPECT_EQ(filters_parameter({}), "");
    EXPECT_EQ(filters_parameter(parsed({"-f", "Status=running", "--filter=status= exited", "-f", "name=a=b"})),
              "filters=" + encoded(R"({"name":["a=b"],"status":["running","exited"]})"));
}

TEST(filters, one_without_a_value_is_refused_when_it_is_read) {
    try {
        parsed({"-f", "status"});
        FAIL() << "nothing was thrown";
    } catch (const error& e) {
        EXPECT_EQ(e.text(), "invalid argument \"status\" for \"-f, --filter\" flag: bad format of filter (expected "
                            "name=value)");
    }
}

TEST(moment_parameter, unix_times_stay_and_dates_become_one) {
    EXPECT_EQ(moment_parameter("1136073845.000000001"), "1136073845.000000001");
    EXPECT_EQ(moment_parameter("2006-01-02T15:04:05Z"), "1136214245.000000000");
    EXPECT_EQ(moment_parameter("2006-01-02T15:04:05.5+01:00"), "1136210645.500000000");
}

TEST(moment_parameter, dates_may_lack_parts_and_carry_parts_of_a_second) {
    EXPECT_EQ(moment_parameter("2020-01-01Z"), "1577836800.000000000");
    EXPECT_EQ(moment_parameter("2020-01-01T00:00Z"), "1577836800.000000000");
    const std::string whole = moment_parameter("2020-01-01T00:00:00");
    EXPECT_EQ(moment_parameter("2020-01-01T00:00:00.5"), whole.substr(0, whole.find('.')) + ".500000000");
    EXPECT_THROW(moment_parameter("1577836800."), exit_error);
    EXPECT_THROW(moment_parameter("2020-01-01T00:00:00.x"), exit_error);
}

TEST(moment_parameter, a_span_counts_back_from_now) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const double seconds = std::chrono::duration<double>(now).count();
    EXPECT_NEAR(std::stod(moment_parameter("1h30m")), seconds - 5400, 60);
    EXPECT_NEAR(std::stod(moment_parameter("500ms")), seconds - 0.5, 60);
}

TEST(moment_parameter, what_is_neither_ends_the_program) {
    for (const char* text : {"x", "10q", "2006-99", "1:2"}) {
        try {
            moment_parameter(text);
            FAIL() << text << " was taken";
        } catch (const exit_error& e) {
            EXPECT_EQ(e.code(), 1);
            EXPECT_EQ(e.text(), fmt::format("failed to parse value as time or duration: \"{}\"", text));
        }
    }
}

} // namespace
} // namespace davit::cli
