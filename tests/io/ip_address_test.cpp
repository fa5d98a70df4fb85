#include "io/ip_address.h"

#include <gtest/gtest.h>

namespace davit::io {
namespace {

TEST(ip_address, is_read_and_written_the_same) {
    for (const char* text : {"0.0.0.0", "172.17.0.1", "255.255.255.255"}) {
        const auto parsed = ipv4_address::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->to_string(), text);
    }
    EXPECT_EQ(ipv4_address::parse("172.17.0.1")->value, 0xac110001u);
}

TEST(ip_address, anything_else_is_none) {
    for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", " 1.2.3.4", "1.2.3.256", "01.2.3.4", "1..3.4",
                             "-1.2.3.4", "0x1.2.3.4", "1.2.3.", "99999999999.1.1.1"})
        EXPECT_FALSE(ipv4_address::parse(text)) << text;
    for (const char* text : {"1.2.3.4", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/024", "1.2.3.4/24/24", "/24"})
        EXPECT_FALSE(ipv4_network::parse(text)) << text;
    for (const char* text :
         {"", "02:42:ac:11:00", "02:42:ac:11:00:0g", "02-42-ac-11-00-02", "02:42:ac:11:00:02:", "2:42:ac:11:00:02:"})
        EXPECT_FALSE(mac_address::parse(text)) << text;
}

TEST(ip_address, a_network_knows_its_bounds) {
    const auto network = *ipv4_network::parse("172.17.3.4/16");
    EXPECT_EQ(network.whole().to_string(), "172.17.0.0/16");
    EXPECT_EQ(network.last().to_string(), "172.17.255.255");
    EXPECT_TRUE(network.contains(*ipv4_address::parse("172.17.255.255")));
    EXPECT_FALSE(network.contains(*ipv4_address::parse("172.18.0.0")));
    EXPECT_TRUE(network.overlaps(*ipv4_network::parse("172.16.0.0/12")));
    EXPECT_TRUE(ipv4_network::parse("172.16.0.0/12")->overlaps(network));
    EXPECT_FALSE(network.overlaps(*ipv4_network::parse("172.18.0.0/16")));
    EXPECT_EQ(ipv4_network::parse("1.2.3.4/0")->last().to_string(), "255.255.255.255");
    EXPECT_EQ(ipv4_network::parse("1.2.3.4/32")->first().to_string(), "1.2.3.4");
}

TEST(ip_address, a_mac_address_follows_from_an_ip_address) {
    EXPECT_EQ(mac_address::of(*ipv4_address::parse("172.17.0.2")).to_string(), "02:42:ac:11:00:02");
    EXPECT_EQ(mac_address::parse("02:42:AC:11:00:02"), mac_address::of(*ipv4_address::parse("172.17.0.2")));
}

} // namespace
} // namespace davit::io
