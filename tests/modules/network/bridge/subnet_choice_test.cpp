#include "modules/network/bridge/subnet_choice.h"

#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"

namespace davit {
namespace {

std::string chosen(std::initializer_list<const char*> in_use) {
    std::vector<io::ipv4_network> networks;
    for (const char* text : in_use) networks.push_back(*io::ipv4_network::parse(text));
    const auto found = choose_subnet(networks);
    return found ? found->to_string() : "none";
}

TEST(subnet_choice, is_the_first_of_dockers_that_overlaps_nothing) {
    EXPECT_EQ(chosen({"192.0.2.2/24"}), "172.17.0.1/16");
    EXPECT_EQ(chosen({"172.17.0.1/16"}), "172.18.0.1/16");
    EXPECT_EQ(chosen({"172.17.200.0/30", "172.18.0.0/15"}), "172.20.0.1/16");
    EXPECT_EQ(chosen({"172.16.0.0/12"}), "192.168.0.1/20");
    EXPECT_EQ(chosen({"172.16.0.0/12", "192.168.1.7/24"}), "192.168.16.1/20");
    EXPECT_EQ(chosen({"172.16.0.0/12", "192.168.0.0/16"}), "none");
}

TEST(subnet_choice, a_bridge_address_must_be_one_that_a_host_can_have) {
    EXPECT_EQ(parse_bridge_address("bip", "10.9.0.1/24").to_string(), "10.9.0.1/24");
    for (const char* wrong :
         {"", "10.9.0.1", "10.9.0.0/24", "10.9.0.255/24", "10.9.0.1/31", "10.9.0.1/7", "127.0.0.1/8", "224.0.0.1/24",
          "0.1.2.3/24", "10.9.0.01/24", "10.9.0.1/24 ", "10.9.0.256/24", "::1/64"})
        EXPECT_THROW(parse_bridge_address("bip", wrong), error) << wrong;
}

} // namespace
} // namespace davit
