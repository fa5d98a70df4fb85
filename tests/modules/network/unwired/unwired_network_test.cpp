#include "modules/network/unwired/unwired_network.h"

#include <gtest/gtest.h>

#include "io/loop.h"
#include "tests/modules/memory_store.h"

namespace davit {
namespace {

TEST(unwired_network, none_gives_a_namespace_without_interfaces_and_host_gives_none) {
    io::loop l;
    memory_store store;
    none_network none{store};
    host_network host{store};
    l.run(none.start());
    l.run(host.start());
    EXPECT_TRUE(none.has_own_namespace());
    EXPECT_FALSE(host.has_own_namespace());
    EXPECT_EQ(none.facts().driver, "null");
    EXPECT_EQ(host.facts().driver, "host");
    EXPECT_NE(none.facts().id, host.facts().id);
    const auto attached = l.run(none.attach(1));
    EXPECT_TRUE(attached.plan.interfaces.empty());
    EXPECT_EQ(attached.where.network_name, "none");
    EXPECT_EQ(attached.where.network_id, none.facts().id);
    EXPECT_EQ(attached.where.ipv4, "");
    EXPECT_NE(l.run(none.attach(1)).where.id, attached.where.id);

    none_network again{store};
    l.run(again.start());
    EXPECT_EQ(again.facts().id, none.facts().id) << "kept for the life of the data root";
}

} // namespace
} // namespace davit
