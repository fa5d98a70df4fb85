#include "core/module.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/manual_executor.h"
#include "tests/core/refusal.h"

namespace davit {
namespace {

std::vector<std::string>& journal() {
    static std::vector<std::string> lines;
    return lines;
}

struct clock_interface {
    virtual ~clock_interface() = default;
    virtual int ticks() const = 0;
};
struct speaker_interface {
    virtual ~speaker_interface() = default;
    virtual std::string say() const = 0;
};

struct clock_module final : module, clock_interface {
    using provides = interfaces<clock_interface>;
    using needs = interfaces<>;
    static constexpr std::array keys = {setting_key{"ticks", "3", "how many"}};
    explicit clock_module(const module_inputs& given) : ticks_{static_cast<int>(given.config().number("ticks"))} {}
    task<void> start() override {
        journal().push_back("clock starts");
        co_return;
    }
    task<void> stop() override {
        journal().push_back("clock stops");
        co_return;
    }
    int ticks() const override { return ticks_; }
    int ticks_;
};

struct speaker_module final : module, speaker_interface {
    using provides = interfaces<speaker_interface>;
    using needs = interfaces<clock_interface>;
    explicit speaker_module(const module_inputs& given) : clock_{given.get<clock_interface>()} {}
    task<void> start() override {
        journal().push_back("speaker starts");
        co_return;
    }
    task<void> stop() override {
        journal().push_back("speaker stops");
        co_return;
    }
    std::string say() const override { return std::to_string(clock_.ticks()); }
    clock_interface& clock_;
};

struct failing_module final : module {
    using provides = interfaces<>;
    using needs = interfaces<speaker_interface>;
    explicit failing_module(const module_inputs&) {}
    task<void> start() override {
        throw error(errc::internal, "no luck today");
        co_return;
    }
};

struct foreign_failure_module final : module {
    using provides = interfaces<>;
    using needs = interfaces<speaker_interface>;
    explicit foreign_failure_module(const module_inputs&) {}
    task<void> start() override {
        throw std::runtime_error("a library's own words");
        co_return;
    }
};

struct one_way final : module, clock_interface {
    using provides = interfaces<clock_interface>;
    using needs = interfaces<speaker_interface>;
    explicit one_way(const module_inputs&) {}
    int ticks() const override { return 0; }
};

struct greedy final : module {
    using provides = interfaces<>;
    using needs = interfaces<>;
    explicit greedy(const module_inputs& given) { given.get<clock_interface>(); }
};

settings settings_for(const module_registry& modules) {
    settings config;
    config.declare({"storage-driver", "", "which"});
    modules.declare_settings(config);
    return config;
}

std::string start_error(module_registry& modules) {
    manual_executor loop;
    const settings config = settings_for(modules);
    return refusal_of([&] { loop.run(modules.start(config)); });
}

TEST(module_registry, starts_in_the_order_of_needs_and_stops_in_reverse) {
    manual_executor loop;
    journal().clear();
    module_registry modules;
    modules.add<speaker_module>("speaker", module_kind::service);
    modules.add<clock_module>("clock", module_kind::service);
    settings config = settings_for(modules);
    config.set("ticks", "5");
    loop.run(modules.start(config));
    EXPECT_EQ(modules.get<speaker_interface>().say(), "5");
    loop.run(modules.stop());
    EXPECT_EQ(journal(), (std::vector<std::string>{"clock starts", "speaker starts", "speaker stops", "clock stops"}));
}

TEST(module_registry, a_missing_need_names_both_ends) {
    module_registry modules;
    modules.add<speaker_module>("speaker", module_kind::service);
    EXPECT_EQ(start_error(modules), "module speaker needs clock_interface, which no module provides");
}

TEST(module_registry, a_circular_need_names_both_ends) {
    module_registry modules;
    modules.add<speaker_module>("speaker", module_kind::service);
    modules.add<one_way>("one-way", module_kind::service);
    EXPECT_EQ(start_error(modules), "modules need each other in a circle: speaker needs clock_interface of one-way; "
                                    "one-way needs speaker_interface of speaker");
}

TEST(module_registry, a_module_that_fails_to_start_is_named_and_the_others_are_stopped_again) {
    journal().clear();
    module_registry modules;
    modules.add<failing_module>("failing", module_kind::service);
    modules.add<speaker_module>("speaker", module_kind::service);
    modules.add<clock_module>("clock", module_kind::service);
    EXPECT_EQ(start_error(modules), "starting module failing: no luck today");
    EXPECT_EQ(journal(), (std::vector<std::string>{"clock starts", "speaker starts", "speaker stops", "clock stops"}));
}

TEST(module_registry, what_is_thrown_by_a_library_while_a_module_starts_stops_the_others_too) {
    journal().clear();
    module_registry modules;
    modules.add<foreign_failure_module>("foreign", module_kind::service);
    modules.add<speaker_module>("speaker", module_kind::service);
    modules.add<clock_module>("clock", module_kind::service);
    EXPECT_EQ(start_error(modules), "starting module foreign: a library's own words");
    EXPECT_EQ(journal(), (std::vector<std::string>{"clock starts", "speaker starts", "speaker stops", "clock stops"}));
}

TEST(module_registry, a_module_gets_only_what_it_said_it_needs) {
    module_registry modules;
    modules.add<clock_module>("clock", module_kind::service);
    modules.add<greedy>("greedy", module_kind::service);
    EXPECT_EQ(start_error(modules),
              "starting module greedy: module greedy asks for clock_interface without naming it in its needs");
}

TEST(module_registry, describes_itself_in_start_order) {
    module_registry modules;
    modules.add<speaker_module>("speaker", module_kind::service);
    modules.add<clock_module>("clock", module_kind::service);
    const std::string text = modules.describe();
    EXPECT_LT(text.find("clock "), text.find("speaker "));
    EXPECT_NE(text.find("clock_interface"), std::string::npos);
}

TEST(settings, refuses_unknown_keys_and_wrong_values_naming_them) {
    settings config;
    config.declare({"ticks", "3", "how many"});
    EXPECT_THROW(config.set("tocks", "1"), error);
    config.set("ticks", "many");
    try {
        config.number("ticks");
        FAIL();
    } catch (const error& e) {
        EXPECT_EQ(e.category(), errc::invalid);
        EXPECT_EQ(e.text(), "ticks is a whole number, not \"many\"");
    }
}

TEST(settings, a_list_collects_and_a_single_value_is_replaced) {
    settings config;
    config.declare({"host", "unix:///default", "where", true});
    config.declare({"root", "/", "where"});
    EXPECT_EQ(config.list("host"), std::vector<std::string>{"unix:///default"});
    config.set("host", "a");
    config.set("host", "b");
    config.set("root", "/a");
    config.set("root", "/b");
    EXPECT_EQ(config.list("host"), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(config.text("root"), "/b");
}

} // namespace
} // namespace davit
