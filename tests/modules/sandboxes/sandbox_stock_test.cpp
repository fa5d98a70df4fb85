#include "modules/sandboxes/sandbox_stock.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/loop.h"
#include "tests/io/network_world.h"

namespace davit {
namespace {

using namespace std::chrono_literals;

/// A runtime whose sandboxes are real processes in real network namespaces, and which launches nothing.
class sandbox_maker final : public runtime {
  public:
    task<sandbox_ref> make_sandbox(sandbox_shape) override {
        ++being_made;
        most_at_once = std::max(most_at_once, being_made);
        if (waits) co_await gate.wait();
        --being_made;
        const std::uint64_t id = ++last_id;
        alive[id] = std::make_unique<namespace_holder>();
        co_return sandbox_ref{id, alive[id]->pid()};
    }
    task<void> configure_network(sandbox_ref, network_plan) override {
        if (cannot_configure) throw error(errc::internal, "no such interface");
        co_return;
    }
    task<void> discard_sandbox(sandbox_ref sandbox) override {
        alive.erase(sandbox.id);
        co_return;
    }
    bool is_waiting(const sandbox_ref& sandbox) const noexcept override {
        return alive.contains(sandbox.id) && alive.at(sandbox.id)->pid() > 0;
    }
    task<launched_process> launch(sandbox_ref, launch_plan, std::optional<task<void>>) override { throw nothing(); }
    task<exit_status> wait(std::string) override { throw nothing(); }
    task<void> signal(std::string, int) override { throw nothing(); }
    task<void> resize(std::string, std::uint16_t, std::uint16_t) override { throw nothing(); }
    task<void> close_stdin(std::string) override { throw nothing(); }
    task<std::vector<running_process>> processes() override { throw nothing(); }
    task<process_streams> reopen_streams(std::string) override { throw nothing(); }
    task<void> release(std::string) override { throw nothing(); }
    task<void> clear_cgroups(std::vector<std::string>, std::chrono::milliseconds) override { throw nothing(); }

    std::map<std::uint64_t, std::unique_ptr<namespace_holder>> alive;
    std::uint64_t last_id = 0;
    int being_made = 0;
    int most_at_once = 0;
    bool waits = false;
    bool cannot_configure = false;
    event gate;

  private:
    static error nothing() { return error(errc::internal, "nothing is launched here"); }
};

/// A network that notes who is attached.
class noting_network final : public network_driver {
  public:
    network_facts facts() const override { return {"", "test", "test", "", ""}; }
    task<attached_endpoint> attach(std::int32_t pid) override {
        if (std::exchange(finds_nobody, false)) throw error::system(ESRCH, "making the interface eth0");
        if (cannot_attach || attached.size() >= most_attached) throw error(errc::unavailable, "no address is left");
        attached_endpoint made;
        made.where.id = std::to_string(pid);
        made.where.network_name = "test";
        made.plan.interfaces.push_back({});
        attached.insert(made.where.id);
        co_return made;
    }
    task<void> settle(endpoint where) override {
        if (settles_late) co_await gate.wait();
        settled.insert(where.id);
        co_return;
    }
    task<void> detach(endpoint where) override {
        attached.erase(where.id);
        if (detaches_slowly) co_await sleep_for(20ms); // its address is free meanwhile
        co_return;
    }
    task<void> restore(endpoint) override { co_return; }
    task<void> reconcile() override { co_return; }

    std::set<std::string> attached;
    std::set<std::string> settled;
    bool cannot_attach = false;
    bool finds_nobody = false; ///< Once: the sandbox's process has gone
    std::size_t most_attached = 1000;
    bool settles_late = false;
    bool detaches_slowly = false;
    event gate;
};

class sandbox_stock_test : public testing::Test {
  protected:
    sandbox_stock& stock(std::size_t most = 4) {
        if (!stock_) {
            driver_set<network_driver> networks;
            networks.add("test", network);
            stock_ = std::make_unique<sandbox_stock>(maker, networks, most);
            l.run(stock_->start());
        }
        return *stock_;
    }
    void TearDown() override {
        if (stock_) l.run(stock_->stop());
    }
    ready_sandbox take() { return l.run(stock().take({"test", {}})); }
    /// Turns the loop until the stock holds so many, or never will.
    void fill(std::size_t count) {
        l.run([](sandbox_stock& of, std::size_t wanted) -> task<void> {
            for (int i = 0; i < 500 && of.size() != wanted; ++i) co_await sleep_for(2ms);
        }(stock(), count));
        ASSERT_EQ(stock().size(), count);
    }

    io::loop l;
    sandbox_maker maker;
    noting_network network;

  private:
    std::unique_ptr<sandbox_stock> stock_;
};

TEST_F(sandbox_stock_test, is_empty_until_something_is_asked_for_and_then_holds_what_was_taken_lately) {
    stock();
    l.run([]() -> task<void> { co_await sleep_for(20ms); }());
    EXPECT_EQ(maker.last_id, 0u);
    const auto first = take();
    EXPECT_EQ(first.sandbox.id, 1u);
    fill(1);
    EXPECT_EQ(take().sandbox.id, 2u) << "the one that was waiting";
    fill(2);
    EXPECT_EQ(network.settled.size(), 4u) << "the stock's networks are settled, too";
}

TEST_F(sandbox_stock_test, makes_nothing_ahead_while_a_start_is_under_way) {
    {
        const counted start = stock().start_under_way();
        take();
        l.run([]() -> task<void> { co_await sleep_for(50ms); }());
        EXPECT_EQ(stock().size(), 0u);
        EXPECT_EQ(maker.last_id, 1u);
    }
    fill(1);
}

TEST_F(sandbox_stock_test, what_can_wait_waits_for_starts_as_long_as_its_patience_lasts) {
    l.run(stock().until_no_start(1h));
    const counted first = stock().start_under_way();
    l.run(stock().until_no_start(1ms));
    bool has_returned = false;
    l.run(with_scope([&](scope& children) -> task<void> {
        children.spawn([](sandbox_stock& of, bool& done) -> task<void> {
            co_await of.until_no_start(1h);
            done = true;
        }(stock(), has_returned));
        {
            const counted second = stock().start_under_way();
            co_await sleep_for(1ms);
        }
        co_await sleep_for(1ms);
        EXPECT_FALSE(has_returned) << "the first start is still under way";
        children.cancel();
    }));
}

TEST_F(sandbox_stock_test, gives_up_what_it_holds_when_the_last_address_is_asked_for) {
    take();
    fill(1);
    network.most_attached = 2;
    sandbox_shape other;
    other.own_ipc = !other.own_ipc;
    const auto taken = l.run(stock().take({"test", other}));
    EXPECT_TRUE(network.attached.contains(taken.where.id));
    EXPECT_EQ(network.attached.size(), 2u);
}

TEST_F(sandbox_stock_test, makes_nothing_with_what_it_gave_up_before_that_is_taken) {
    take();
    fill(1);
    network.most_attached = 2;
    network.detaches_slowly = true;
    sandbox_shape other;
    other.own_ipc = !other.own_ipc;
    const auto taken = l.run(stock().take({"test", other}));
    EXPECT_TRUE(network.attached.contains(taken.where.id));
}

TEST_F(sandbox_stock_test, gives_what_it_is_just_making_when_that_has_the_last_address) {
    take();
    network.most_attached = 2;
    network.settles_late = true;
    l.run([](noting_network& of) -> task<void> {
        for (int i = 0; i < 500 && of.attached.size() < 2; ++i) co_await sleep_for(2ms);
    }(network));
    ASSERT_EQ(network.attached.size(), 2u);
    const auto taken =
        l.run(with_timeout(5s, "the last address", [](sandbox_stock& of, event& gate) -> task<ready_sandbox> {
            co_return co_await with_scope([&](scope& children) -> task<ready_sandbox> {
                children.spawn([](event& opened) -> task<void> {
                    co_await sleep_for(20ms);
                    opened.set();
                }(gate));
                co_return co_await of.take({"test", {}});
            });
        }(stock(), network.gate)));
    EXPECT_EQ(taken.sandbox.id, 2u);
    EXPECT_EQ(network.attached.size(), 2u);
}

TEST_F(sandbox_stock_test, gives_each_sandbox_once_and_keeps_no_more_than_it_may) {
    std::set<std::uint64_t> given;
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(given.insert(take().sandbox.id).second);
    fill(4);
    l.run([]() -> task<void> { co_await sleep_for(30ms); }());
    EXPECT_EQ(stock().size(), 4u);
    for (int i = 0; i < 6; ++i) EXPECT_TRUE(given.insert(take().sandbox.id).second);
}

TEST_F(sandbox_stock_test, of_size_zero_makes_every_sandbox_on_the_spot) {
    stock(0);
    for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_EQ(take().sandbox.id, i);
    l.run([]() -> task<void> { co_await sleep_for(20ms); }());
    EXPECT_EQ(stock().size(), 0u);
    EXPECT_EQ(maker.last_id, 3u);
}

TEST_F(sandbox_stock_test, skips_a_sandbox_that_has_died_and_gives_its_address_back) {
    take();
    fill(1);
    const pid_t dead = maker.alive.at(2)->pid();
    maker.alive.at(2)->end();
    const auto taken = take();
    EXPECT_NE(taken.sandbox.id, 2u);
    EXPECT_EQ(::kill(taken.sandbox.pid, 0), 0);
    l.run([]() -> task<void> { co_await sleep_for(5ms); }());
    EXPECT_FALSE(network.attached.contains(std::to_string(dead)));
}

TEST_F(sandbox_stock_test, makes_sandboxes_side_by_side_when_several_are_asked_for_and_none_is_ready) {
    maker.waits = true;
    stock(0);
    l.run(with_scope([&](scope& takers) -> task<void> {
        for (int i = 0; i < 5; ++i)
            takers.spawn([](sandbox_stock& from) -> task<void> { co_await from.take({"test", {}}); }(stock()));
        co_await sleep_for(1ms);
        maker.gate.set();
    }));
    EXPECT_EQ(maker.most_at_once, 5);
}

TEST_F(sandbox_stock_test, a_sandbox_that_gets_no_network_is_discarded) {
    network.cannot_attach = true;
    EXPECT_THROW(take(), error);
    EXPECT_TRUE(maker.alive.empty());
    network.cannot_attach = false;
    maker.cannot_configure = true;
    EXPECT_THROW(take(), error);
    EXPECT_TRUE(maker.alive.empty());
    EXPECT_TRUE(network.attached.empty());
}

TEST_F(sandbox_stock_test, a_sandbox_that_goes_with_its_runtime_before_it_gets_a_network_is_made_anew) {
    network.finds_nobody = true;
    EXPECT_EQ(take().sandbox.id, 2u);
}

TEST_F(sandbox_stock_test, a_discarded_sandbox_and_those_left_at_the_stop_are_gone_with_their_addresses) {
    const auto kept = take();
    const auto unused = take();
    fill(2);
    l.run(stock().discard(unused));
    EXPECT_FALSE(maker.alive.contains(unused.sandbox.id));
    l.run(stock().stop());
    ASSERT_EQ(maker.alive.size(), 1u);
    EXPECT_TRUE(maker.alive.contains(kept.sandbox.id));
    EXPECT_EQ(network.attached, std::set{kept.where.id});
}

TEST_F(sandbox_stock_test, an_unknown_network_is_not_found) {
    try {
        l.run(stock().take({"nowhere", {}}));
        FAIL() << "it must fail";
    } catch (const error& e) {
        EXPECT_EQ(e.category(), errc::not_found);
        EXPECT_NE(e.text().find("nowhere"), std::string::npos);
    }
}

} // namespace
} // namespace davit
