#include "modules/network/bridge/address_pool.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace davit {
namespace {

address_pool make_pool(const char* gateway) {
    return address_pool{*io::ipv4_network::parse(gateway)};
}

std::string next(address_pool& pool) {
    const auto address = pool.allocate();
    return address ? address->to_string() : "none";
}

TEST(address_pool, gives_every_address_but_network_gateway_and_broadcast_and_then_none) {
    auto pool = make_pool("10.1.2.1/29");
    std::set<std::string> given;
    for (int i = 0; i < 5; ++i) given.insert(next(pool));
    EXPECT_EQ(given, (std::set<std::string>{"10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6"}));
    EXPECT_EQ(next(pool), "none");
}

TEST(address_pool, leaves_out_a_gateway_in_the_middle) {
    auto pool = make_pool("10.1.2.2/29");
    EXPECT_EQ(next(pool), "10.1.2.1");
    EXPECT_EQ(next(pool), "10.1.2.3");
}

TEST(address_pool, reuses_released_addresses_last_and_the_oldest_first) {
    auto pool = make_pool("10.1.2.1/29");
    const auto first = *pool.allocate();
    const auto second = *pool.allocate();
    pool.release(second);
    pool.release(first);
    EXPECT_EQ(next(pool), "10.1.2.4");
    EXPECT_EQ(next(pool), "10.1.2.5");
    EXPECT_EQ(next(pool), "10.1.2.6");
    EXPECT_EQ(next(pool), second.to_string());
    EXPECT_EQ(next(pool), first.to_string());
    EXPECT_EQ(next(pool), "none");
}

TEST(address_pool, a_reserved_address_is_given_to_nobody_else) {
    auto pool = make_pool("10.1.2.1/29");
    EXPECT_TRUE(pool.reserve({0x0a010203}));
    EXPECT_FALSE(pool.reserve({0x0a010203}));
    EXPECT_EQ(next(pool), "10.1.2.2");
    EXPECT_EQ(next(pool), "10.1.2.4");
    pool.release({0x0a010203});
    EXPECT_TRUE(pool.reserve({0x0a010203})) << "a released one can be reserved";
    EXPECT_EQ(next(pool), "10.1.2.5");
    EXPECT_EQ(next(pool), "10.1.2.6");
    EXPECT_EQ(next(pool), "none");
}

TEST(address_pool, an_address_is_in_use_once_whatever_was_released_early) {
    auto pool = make_pool("10.1.2.1/29");
    ASSERT_TRUE(pool.reserve({0x0a010205}));
    pool.release({0x0a010205});
    pool.release({0x0a010205});
    std::set<std::string> given;
    for (std::string address = next(pool); address != "none"; address = next(pool))
        EXPECT_TRUE(given.insert(address).second) << address;
    EXPECT_EQ(given.size(), 5u);
}

TEST(address_pool, takes_no_reservation_outside_of_itself) {
    auto pool = make_pool("10.1.2.1/29");
    EXPECT_FALSE(pool.reserve({0x0a010200})) << "the network";
    EXPECT_FALSE(pool.reserve({0x0a010201})) << "the gateway";
    EXPECT_FALSE(pool.reserve({0x0a010207})) << "the broadcast address";
    EXPECT_FALSE(pool.reserve({0x0a010302})) << "another network";
}

} // namespace
} // namespace davit
