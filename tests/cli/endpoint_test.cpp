#include "cli/endpoint.h"

#include <gtest/gtest.h>

#include "tests/core/refusal.h"

namespace davit::cli {
namespace {

TEST(endpoint, an_address_is_completed_as_docker_completes_it) {
    EXPECT_EQ(complete_host("unix:///a/b", false), "unix:///a/b");
    EXPECT_EQ(complete_host("", false), "unix:///run/davit/davit.sock");
    EXPECT_EQ(complete_host("unix://", false), "unix:///run/davit/davit.sock");
    EXPECT_EQ(complete_host("tcp://", false), "tcp://localhost:2375");
    EXPECT_EQ(complete_host("tcp://", true), "tcp://localhost:2376");
    EXPECT_EQ(complete_host(" host ", false), "tcp://host:2375");
    EXPECT_EQ(complete_host(":80", true), "tcp://localhost:80");
    EXPECT_EQ(complete_host("[::1]:80", false), "tcp://[::1]:80");
    EXPECT_EQ(complete_host("tcp://[::1]", false), "tcp://[::1]:2375");
}

TEST(endpoint, an_address_of_another_kind_is_refused) {
    for (const char* address : {"http://host", "ssh://me@host", "fd://", "npipe:////./pipe/x", "/run/davit/davit.sock",
                                "tcp://host:x", "tcp://host:99999", "tcp://host/path", "host?query"})
        EXPECT_NE(refusal_of([&] { complete_host(address, false); }, errc::invalid), "") << address;
}

} // namespace
} // namespace davit::cli
