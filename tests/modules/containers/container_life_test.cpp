#include <chrono>
#include <functional>
#include <gtest/gtest.h>

#include "core/event_bus.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "engine_parts.h"
#include "io/loop.h"
#include "modules/containers/containers_module.h"
#include "tests/io/io_testing.h"

// The life of containers, whatever the parts below it do.

namespace davit {
namespace {

using namespace std::chrono_literals;

class test_events final : public module, public event_bus {
  public:
    using provides = interfaces<event_bus>;
    using needs = interfaces<>;
    explicit test_events(const module_inputs&) {}
};

class container_life : public ::testing::Test {
  protected:
    container_life() {
        engine_.add<refusing_store>("state", module_kind::service);
        engine_.add<test_events>("events", module_kind::service);
        engine_.add<one_image>("images", module_kind::service);
        engine_.add<bodiless_storage>("none", module_kind::storage_driver);
        engine_.add<puppet_runtime>("puppets", module_kind::runtime);
        engine_.add<no_security>("security", module_kind::service);
        engine_.add<hanging_network>("bridge", module_kind::network_driver);
        engine_.add<ready_sandboxes>("sandboxes", module_kind::service);
        engine_.add<hanging_log_driver>("json-file", module_kind::log_driver);
        engine_.add<containers_module>("containers", module_kind::service);
        settings config;
        config.declare({"storage-driver", "none", ""});
        engine_.declare_settings(config);
        config.set("data-root", scratch_ / "data");
        config.set("shutdown-timeout", "1");
        loop_.run(engine_.start(config));
        store = &part<refusing_store, state_store>();
        puppets = &part<puppet_runtime, runtime>();
        network = &part<hanging_network, network_driver>();
        logs = &part<hanging_log_driver, log_driver>();
        storage = &part<bodiless_storage, storage_driver>();
        sandboxes = &part<ready_sandboxes, sandbox_provider>();
    }
    ~container_life() override {
        if (is_stopped_) return;
        network->detaching.open();
        logs->appending.open();
        logs->finishing.open();
        loop_.run(engine_.stop());
    }

    /// Stops the engine, and meanwhile does something else.
    void stop_engine(task<void> meanwhile) {
        is_stopped_ = true;
        loop_.run(with_scope([&](scope& both) -> task<void> {
            both.spawn(std::move(meanwhile));
            co_await engine_.stop();
        }));
    }
    container_service& containers() { return engine_.get<container_service>(); }
    /// A running container; its id.
    std::string run(bool auto_remove = false) {
        create_request request;
        request.config.image = "image";
        request.config.command = {"sleep"};
        request.host.auto_remove = auto_remove;
        const std::string id = loop_.run(containers().create(std::move(request))).id;
        EXPECT_TRUE(loop_.run(containers().start(id)));
        return id;
    }
    void await_end(const std::string& id) {
        loop_.run(with_timeout(20s, "the end", [](container_service& of, std::string of_id) -> task<void> {
            co_await of.wait(std::move(of_id), wait_condition::not_running, {});
        }(containers(), id)));
    }
    /// Turns the loop until it is so.
    void until(std::function<bool()> is_so) {
        loop_.run([](std::function<bool()> so) -> task<void> {
            for (int tries = 0; tries < 5000 && !so(); ++tries) co_await sleep_for(1ms);
            EXPECT_TRUE(so());
        }(std::move(is_so)));
    }

    io::loop loop_;
    io::scratch_directory scratch_;
    module_registry engine_;
    refusing_store* store = nullptr;
    puppet_runtime* puppets = nullptr;
    hanging_network* network = nullptr;
    hanging_log_driver* logs = nullptr;
    bodiless_storage* storage = nullptr;
    ready_sandboxes* sandboxes = nullptr;

  private:
    bool is_stopped_ = false;
    template <class Part, class Interface> Part& part() { return static_cast<Part&>(engine_.get<Interface>()); }
};

TEST_F(container_life, an_end_is_told_with_its_code_and_the_log_is_whole_then) {
    const std::string id = run();
    ASSERT_EQ(::write(puppets->find(id)->output.get(), "said", 4), 4);
    puppets->end(id, 7);
    await_end(id);
    EXPECT_EQ(containers().get(id).exit_code, 7);
    EXPECT_EQ(logs->text, "said");
    EXPECT_EQ(logs->finished, 1u);
    EXPECT_EQ(network->detached, 1u);
}

TEST_F(container_life, a_log_that_hangs_at_its_end_hides_no_end_and_holds_up_the_next_start_alone) {
    const std::string id = run();
    logs->finishing.close();
    puppets->end(id, 7);
    await_end(id);
    EXPECT_EQ(containers().get(id).state, container_state::exited);
    EXPECT_EQ(containers().get(id).exit_code, 7);
    const error failure = loop_.run(io::failure_of(with_timeout(50ms, "a start", containers().start(id))));
    EXPECT_EQ(failure.category(), errc::timed_out);
    EXPECT_EQ(logs->opened, 1u) << "nobody takes the log from under its end";
    logs->finishing.open();
    until([&] { return containers().get(id).state == container_state::running; });
    EXPECT_EQ(logs->finished, 1u);
}

TEST_F(container_life, output_that_can_not_be_written_hides_no_end) {
    const std::string id = run();
    logs->appending.close();
    ASSERT_EQ(::write(puppets->find(id)->output.get(), "said", 4), 4);
    puppets->end(id, 7);
    await_end(id);
    EXPECT_EQ(containers().get(id).exit_code, 7);
    EXPECT_EQ(logs->finished, 0u) << "the end of a log comes behind what was said";
    logs->appending.open();
    until([&] { return logs->finished == 1; });
    EXPECT_EQ(logs->text, "said");
}

TEST_F(container_life, a_network_that_hangs_hides_no_end_and_is_left_once) {
    const std::string id = run();
    network->detaching.close();
    puppets->end(id, 7);
    await_end(id);
    EXPECT_EQ(containers().get(id).exit_code, 7);
    EXPECT_TRUE(containers().get(id).network.network_name.empty());
    network->detaching.open();
    until([&] { return network->detached == 1; });
}

TEST_F(container_life, a_removal_waits_for_the_log_in_the_background) {
    const std::string id = run();
    logs->finishing.close();
    puppets->end(id, 0);
    await_end(id);
    loop_.run(with_timeout(5s, "a removal", containers().remove(id, {})));
    EXPECT_EQ(containers().find(id), nullptr);
    EXPECT_TRUE(storage->made->contains(id));
    logs->finishing.open();
    until([&] { return !storage->made->contains(id); });
}

TEST_F(container_life, a_removed_container_is_cleared_away_when_no_start_is_under_way) {
    const std::string id = run();
    puppets->end(id, 0);
    await_end(id);
    {
        const counted start = sandboxes->start_under_way();
        loop_.run(containers().remove(id, {}));
        loop_.run([]() -> task<void> { co_await sleep_for(30ms); }());
        EXPECT_TRUE(storage->made->contains(id));
    }
    until([&] { return !storage->made->contains(id); });
}

TEST_F(container_life, what_is_not_cleaned_up_in_time_is_left_to_the_next_engine) {
    const std::string id = run();
    logs->finishing.close();
    puppets->end(id, 0);
    await_end(id);
    loop_.run(containers().remove(id, {}));
    const auto left = storage->made;
    stop_engine([](hanging_log_driver* of) -> task<void> {
        co_await sleep_for(1500ms); // longer than the engine waits
        of->finishing.open();
    }(logs));
    EXPECT_TRUE(left->contains(id));
}

TEST_F(container_life, a_restart_whose_stop_fails_keeps_nothing_from_its_removal) {
    const std::string id = run(true);
    puppets->refuses_signals = true;
    const error failure = loop_.run(io::failure_of(containers().restart(id, 1, "")));
    EXPECT_EQ(failure.text(), "no signal gets through");
    puppets->end(id, 0);
    until([&] { return containers().find(id) == nullptr; });
}

TEST_F(container_life, a_restart_keeps_what_removes_itself) {
    const std::string id = run(true);
    loop_.run(containers().restart(id, 1, ""));
    EXPECT_EQ(containers().get(id).state, container_state::running);
    EXPECT_EQ(puppets->launches, 2u);
    puppets->end(id, 0);
    until([&] { return containers().find(id) == nullptr; });
}

TEST_F(container_life, one_that_could_not_remove_itself_can_be_removed_by_hand) {
    const std::string id = run(true);
    store->refuses = true;
    puppets->end(id, 0);
    until([&] { return containers().get(id).state == container_state::dead; });
    EXPECT_NE(loop_.run(io::failure_of(containers().remove(id, {}))).category(), errc::unavailable);
    store->refuses = false;
    loop_.run(containers().remove(id, {}));
    EXPECT_EQ(containers().find(id), nullptr);
}

} // namespace
} // namespace davit
