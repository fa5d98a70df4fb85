#include "io/repeated_keys.h"

#include <gtest/gtest.h>
#include <string>

#include "core/error.h"

namespace davit::io {
namespace {

TEST(repeated_keys, are_refused_wherever_they_are) {
    EXPECT_NO_THROW(refuse_repeated_keys(R"({"a":{"b":1},"c":[{"b":1},{"b":2}]})", "x"));
    EXPECT_THROW(refuse_repeated_keys(R"({"a":1,"a":2})", "x"), error);
    EXPECT_THROW(refuse_repeated_keys(R"({"HostConfig":{"Privileged":false,"Privileged":true}})", "x"), error);
    EXPECT_THROW(refuse_repeated_keys(R"([{"a":1,"a":2}])", "x"), error);
    EXPECT_THROW(refuse_repeated_keys(R"({"a":1}{})", "x"), error);
    EXPECT_THROW(refuse_repeated_keys(std::string(1'000'000, '['), "x"), error);
}

} // namespace
} // namespace davit::io
