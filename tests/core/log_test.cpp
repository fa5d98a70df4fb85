#include "core/log.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace davit {
namespace {

std::vector<std::string> log_lines;

TEST(log, a_line_stays_one_line_whatever_is_in_it) {
    log_lines.clear();
    log::set_sink([](log::level, std::string_view line) { log_lines.emplace_back(line); }, log::level::debug);
    log::warn("container {}: {}", "x", "evil\n2026-01-01 injected\x1b[2J\x7f\ttab, and \xc3\xa9");
    log::set_sink(nullptr, log::level::warn);
    EXPECT_EQ(log_lines,
              std::vector<std::string>{"container x: evil\\x0a2026-01-01 injected\\x1b[2J\\x7f\\x09tab, and \xc3\xa9"});
}

} // namespace
} // namespace davit
