#include "io/nftables.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "io/loop.h"
#include "network_world.h"

namespace davit::io {
namespace {

/// Whether the packet filter accepts commands that only hold when something is there.
bool holds(loop& l, nftables& filter, const char* commands) {
    try {
        l.run(filter.run(commands));
        return true;
    } catch (const error&) {
        return false;
    }
}

constexpr auto add_to_set = "add element inet davit_test numbers { 7 }\ndelete element inet davit_test numbers { 7 }";

TEST(nftables, replaces_a_table_in_one_step_or_leaves_it_as_it_was) {
    enter_own_network();
    loop l;
    nftables filter;
    l.run(filter.replace_table("inet davit_test", "chain old { }"));
    EXPECT_TRUE(holds(l, filter, "flush chain inet davit_test old"));
    l.run(filter.replace_table("inet davit_test", "set numbers { type mark; }"));
    EXPECT_FALSE(holds(l, filter, "flush chain inet davit_test old")) << "the old content is gone";
    EXPECT_TRUE(holds(l, filter, add_to_set));

    try {
        l.run(filter.replace_table("inet davit_test", "chain new { jump nowhere; }"));
        FAIL() << "it must fail";
    } catch (const error& e) {
        EXPECT_NE(e.text().find("No such file or directory"), std::string::npos) << "nft's own words: " << e.text();
    }
    EXPECT_TRUE(holds(l, filter, add_to_set)) << "a refused replacement changes nothing";

    l.run(filter.remove_table("inet davit_test"));
    EXPECT_FALSE(holds(l, filter, add_to_set));
    l.run(filter.remove_table("inet davit_test"));
}

} // namespace
} // namespace davit::io
