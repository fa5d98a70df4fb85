#include "api/davitd/options.h"

#include <gmock/gmock.h>

#include "api/davitd/listeners.h"
#include "core/error.h"
#include "tests/core/refusal.h"

namespace davit::api {
namespace {

using testing::ElementsAre;

settings declared() {
    settings config;
    declare_engine_settings(config);
    config.declare({"log-opt", "", "Option", true});
    return config;
}

TEST(command_line, takes_dockerds_forms) {
    auto config = declared();
    const auto asked = read_command_line(
        config, {"-D", "-H", "unix:///a", "--host=tcp://127.0.0.1:1", "--data-root", "/d", "--tls=false", "-lwarn"});
    EXPECT_EQ(asked, command::run);
    EXPECT_TRUE(config.flag("debug"));
    EXPECT_FALSE(config.flag("tls"));
    EXPECT_THAT(config.list("host"), ElementsAre("unix:///a", "tcp://127.0.0.1:1"));
    EXPECT_EQ(config.text("data-root"), "/d");
    EXPECT_EQ(config.text("log-level"), "warn");
}

TEST(command_line, refuses_what_it_does_not_know) {
    auto config = declared();
    EXPECT_EQ(refusal_of([&] { read_command_line(config, {"--no-such"}); }),
              "unknown flag: --no-such; see `davitd --help`");
    EXPECT_EQ(refusal_of([&] { read_command_line(config, {"--data-root"}); }), "flag needs an argument: --data-root");
    EXPECT_NE(refusal_of([&] { read_command_line(config, {"stray"}); }), "");
    EXPECT_NE(refusal_of([&] { read_command_line(config, {"--debug=perhaps"}); }), "");
}

TEST(command_line, has_the_commands_that_end_at_once) {
    auto config = declared();
    EXPECT_EQ(read_command_line(config, {"--validate"}), command::validate);
    EXPECT_EQ(read_command_line(config, {"-v"}), command::show_version);
    EXPECT_EQ(read_command_line(config, {"--modules"}), command::show_modules);
    EXPECT_EQ(read_command_line(config, {"--help"}), command::show_help);
    EXPECT_NE(describe_options(config).find("-H, --host list"), std::string::npos);
}

TEST(config_file, has_the_same_keys_and_lists_under_their_plural) {
    auto config = declared();
    read_config_file(config, R"({"debug": true, "hosts": ["unix:///a","unix:///b"], "data-root": "/d",
                                 "insecure-registries": ["r:5000"], "log-opts": {"max-size": "1m"}})",
                     "f");
    EXPECT_TRUE(config.flag("debug"));
    EXPECT_THAT(config.list("host"), ElementsAre("unix:///a", "unix:///b"));
    EXPECT_THAT(config.list("insecure-registry"), ElementsAre("r:5000"));
    EXPECT_THAT(config.list("log-opt"), ElementsAre("max-size=1m"));
    EXPECT_NO_THROW(read_config_file(config, " \n", "f"));
}

TEST(config_file, names_all_keys_that_it_does_not_know) {
    auto config = declared();
    EXPECT_EQ(refusal_of([&] { read_config_file(config, R"({"host": [], "nonsense": 1, "debug": false})", "f.json"); }),
              "unable to configure the engine with file f.json: the following directives don't match any configuration "
              "option: host, nonsense");
}

TEST(config_file, names_the_keys_that_the_command_line_sets_too) {
    auto config = declared();
    read_command_line(config, {"--data-root", "/flag"});
    EXPECT_EQ(refusal_of([&] { read_config_file(config, R"({"data-root": "/file"})", "f.json"); }),
              "unable to configure the engine with file f.json: the following directives are specified both as a flag "
              "and in the configuration file: data-root: (from flag: /flag, from file: /file)");
}

TEST(host_address, is_a_unix_path_or_a_tcp_address) {
    EXPECT_EQ(parse_host_address("unix:///run/x.sock", false).unix_path, "/run/x.sock");
    EXPECT_EQ(parse_host_address("unix://", false).unix_path, "/run/davit/davit.sock");
    const auto v6 = parse_host_address("tcp://[::1]:99", false);
    EXPECT_EQ(v6.tcp_host, "::1");
    EXPECT_EQ(v6.tcp_port, 99);
    EXPECT_EQ(parse_host_address("tcp://", false).tcp_host, "127.0.0.1");
    EXPECT_EQ(parse_host_address("tcp://engine", true).tcp_port, 2376);
    EXPECT_EQ(parse_host_address("tcp://0.0.0.0", false).tcp_port, 2375);
    for (const char* wrong : {"", "/run/x.sock", "unix://x.sock", "fd://", "tcp://a:99999", "tcp://a:b", "http://a"})
        EXPECT_THROW(parse_host_address(wrong, false), error) << wrong;
}

} // namespace
} // namespace davit::api
