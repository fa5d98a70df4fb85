#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include "modules/runtime/native/capabilities.h"
#include "tests/modules/runtime/native/container_fixture.h"

namespace davit::shim::testing {
namespace {

using shim_protocol::encode;

/// What the program of a container finds: its arguments, streams, identity, limits and directory.
class launch_process : public container_test {};

TEST_F(launch_process, exit_codes_come_back) {
    EXPECT_EQ(run(plan_of({"/bin/true"})).code, 0);
    EXPECT_EQ(run(plan("exit 7")).code, 7);
    EXPECT_EQ(run(plan("kill -TERM $$; sleep 5")).code, 0); // pid 1 ignores what it does not handle
    EXPECT_EQ(run(plan("sh -c 'kill -9 $$'; exit $?")).code, 137);
}

TEST_F(launch_process, output_and_errors_are_separate) {
    const auto result = run(plan("echo out; echo err >&2"));
    EXPECT_EQ(result.output, "out\n");
    EXPECT_EQ(result.errors, "err\n");
}

TEST_F(launch_process, the_environment_is_what_was_asked_and_home) {
    auto asked = plan_of({"env"});
    asked.process.environment.push_back("TOKEN=x=y");
    EXPECT_EQ(run(asked).output, "PATH=/bin\nTOKEN=x=y\nHOME=/root\n");
    asked = plan_of({"env"});
    asked.process.environment.push_back("HOME=/elsewhere");
    EXPECT_EQ(run(asked).output, "PATH=/bin\nHOME=/elsewhere\n");
}

TEST_F(launch_process, users_and_groups_are_looked_up_in_the_image) {
    const auto id = [&](const std::string& user, std::vector<std::string> groups = {}) {
        auto asked = plan("id -u; id -g; id -G; echo $HOME");
        asked.process.user = user;
        asked.process.additional_groups = std::move(groups);
        const auto result = run(asked);
        return result.failed ? result.failed->sentence : result.output;
    };
    EXPECT_EQ(id(""), "0\n0\n0 10\n/root\n");
    EXPECT_EQ(id("bob"), "1234\n1235\n1235 29\n/home/bob\n");
    EXPECT_EQ(id("1234"), "1234\n1235\n1235 29\n/home/bob\n");
    EXPECT_EQ(id("bob:wheel"), "1234\n10\n10\n/home/bob\n");
    EXPECT_EQ(id("4000:4001"), "4000\n4001\n4001\n/\n");
    EXPECT_EQ(id("4000"), "4000\n0\n0\n/\n");
    EXPECT_EQ(id("4000", {"audio", "77"}), "4000\n0\n0 29 77\n/\n");
    EXPECT_EQ(id("eve"), "unable to find user eve: no matching entries in passwd file");
    EXPECT_EQ(id("bob:eves"), "unable to find group eves: no matching entries in group file");
    EXPECT_EQ(id("bob", {"eves"}), "unable to find group eves: no matching entries in group file");
}

TEST_F(launch_process, capabilities_are_the_bounding_set_for_root_and_none_for_others) {
    const auto asked = plan("grep Cap /proc/self/status | tr '\\n\\t' ';='");
    EXPECT_EQ(run(asked).output, "CapInh:=0000000000000000;CapPrm:=00000000a80425fb;CapEff:=00000000a80425fb;"
                                 "CapBnd:=00000000a80425fb;CapAmb:=0000000000000000;");
    auto user = plan("grep Cap /proc/self/status | tr '\\n\\t' ';='");
    user.process.user = "1000";
    EXPECT_EQ(run(user).output, "CapInh:=0000000000000000;CapPrm:=0000000000000000;CapEff:=0000000000000000;"
                                "CapBnd:=00000000a80425fb;CapAmb:=0000000000000000;");
    for (const char* who : {"0", "1000"}) { // Of a privileged container too none can be inherited
        auto all = plan("grep -E 'Cap(Inh|Prm|Eff|Amb)' /proc/self/status | tr '\\n\\t' ';='");
        all.process.user = who;
        all.process.bounding_capabilities = held_capabilities();
        const auto held = fmt::format("{:016x}", *who == '0' ? held_capabilities() : 0);
        EXPECT_EQ(run(all).output, fmt::format("CapInh:=0000000000000000;CapPrm:={0};CapEff:={0};"
                                               "CapAmb:=0000000000000000;",
                                               held));
    }
    auto none = plan("grep Cap /proc/self/status | tr '\\n\\t' ';='");
    none.process.bounding_capabilities = 0;
    EXPECT_EQ(run(none).output, "CapInh:=0000000000000000;CapPrm:=0000000000000000;CapEff:=0000000000000000;"
                                "CapBnd:=0000000000000000;CapAmb:=0000000000000000;");
}

TEST_F(launch_process, the_filter_is_in_place_and_no_new_privs_when_asked) {
    const auto show = "grep -E 'Seccomp:|NoNewPrivs' /proc/self/status | tr '\\n\\t' ';='";
    EXPECT_EQ(run(plan(show)).output, "NoNewPrivs:=0;Seccomp:=2;");
    auto strict = plan(show);
    strict.process.no_new_privileges = true;
    strict.process.user = "bob";
    EXPECT_EQ(run(strict).output, "NoNewPrivs:=1;Seccomp:=2;");
    auto user = plan(show);
    user.process.user = "bob";
    EXPECT_EQ(run(user).output, "NoNewPrivs:=0;Seccomp:=2;");
}

TEST_F(launch_process, programs_that_can_not_run_are_named_as_docker_names_them) {
    on_host("cp " + image_ + "/bin/busybox " + image_ + "/plain && chmod 644 " + image_ +
            "/plain; printf '#!/no/such\\n' > " + image_ + "/lost; chmod 755 " + image_ + "/lost; echo nonsense > " +
            image_ + "/nonsense; chmod 755 " + image_ + "/nonsense");
    const auto sentence = [&](std::vector<std::string> arguments) {
        const auto result = run(plan_of(std::move(arguments)));
        if (!result.failed) return "it ran and exited with " + std::to_string(result.code);
        EXPECT_EQ(result.failed->kind, shim_protocol::failure_kind::invalid);
        return result.failed->sentence;
    };
    EXPECT_EQ(sentence({"foo"}), "exec: \"foo\": executable file not found in $PATH");
    EXPECT_EQ(sentence({"/nope"}), "exec: \"/nope\": stat /nope: no such file or directory");
    EXPECT_EQ(sentence({"/etc/passwd"}), "exec: \"/etc/passwd\": permission denied");
    EXPECT_EQ(sentence({"/plain"}), "exec: \"/plain\": permission denied");
    EXPECT_EQ(sentence({"/etc"}), "exec: \"/etc\": is a directory");
    EXPECT_EQ(sentence({"/lost"}), "exec /lost: no such file or directory");
    EXPECT_EQ(sentence({"/nonsense"}), "exec /nonsense: exec format error");
    EXPECT_EQ(sentence({""}), "no command specified");
    EXPECT_EQ(sentence({"/bin/true"}), "it ran and exited with 0");
}

TEST_F(launch_process, a_terminal_is_the_three_streams_the_console_and_has_its_size) {
    auto asked =
        plan("stty size; readlink /proc/self/fd/0; readlink /proc/self/fd/2; [ -c /dev/console ] && stat -c %t "
             "/dev/console; echo hello > /dev/tty");
    asked.process.wants_tty = true;
    asked.process.tty_rows = 24;
    asked.process.tty_columns = 81;
    const auto result = run(asked);
    ASSERT_FALSE(result.failed) << result.failed->sentence;
    EXPECT_EQ(result.output, "24 81\r\n/dev/pts/0\r\n/dev/pts/0\r\n88\r\nhello\r\n");
}

TEST_F(launch_process, stdin_is_nothing_unless_it_was_asked_for) {
    EXPECT_EQ(run(plan("readlink /proc/self/fd/0; cat; echo end")).output, "/dev/null\nend\n");
    auto asked = plan("cat; echo end");
    asked.process.wants_stdin = true;
    const auto sandbox = shim_->make_sandbox(usual());
    auto launched = shim_->launch(sandbox.id, asked);
    ASSERT_FALSE(launched.failed);
    ASSERT_EQ(write(launched.stdin_writer, "typed\n", 6), 6);
    close(launched.stdin_writer);
    // The shim's own copy keeps it open until that is closed too.
    EXPECT_FALSE(
        shim_->ask(message_type::close_stdin, encode(shim_protocol::container_name{asked.container_id})).failed);
    EXPECT_EQ(read_all(launched.output), "typed\nend\n");
    close(launched.errors);
    EXPECT_EQ(shim_->wait(asked.container_id).code, 0);
    EXPECT_FALSE(shim_->release(asked.container_id));
}

TEST_F(launch_process, no_descriptor_beyond_the_streams_is_open) {
    EXPECT_EQ(run(plan("ls /proc/self/fd | tr '\\n' ' '")).output, "0 1 2 3 "); // 3: the listing's own
}

TEST_F(launch_process, a_limit_that_its_launch_could_not_live_with_is_the_programs_alone) {
    auto asked = plan("ulimit -n");
    asked.process.rlimits = {{RLIMIT_NOFILE, 4, 4}};
    const auto result = run(asked);
    ASSERT_FALSE(result.failed) << result.failed->sentence;
    EXPECT_EQ(result.output, "4\n");
}

TEST_F(launch_process, a_limit_above_what_the_host_gives_is_what_it_gives) {
    auto asked = plan("ulimit -n; ulimit -Hn");
    asked.process.rlimits = {{RLIMIT_NOFILE, 1ULL << 40, 1ULL << 40}}; // Above fs.nr_open, whoever asks
    const auto result = run(asked);
    ASSERT_FALSE(result.failed) << result.failed->sentence;
    rlimit host{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &host), 0);
    const auto most = std::to_string(host.rlim_max) + "\n";
    EXPECT_EQ(result.output, most + most);
}

TEST_F(launch_process, the_working_directory_is_made_and_entered) {
    auto asked = plan("pwd");
    asked.process.working_directory = "/a/b/c";
    EXPECT_EQ(run(asked).output, "/a/b/c\n");
    asked = plan("pwd");
    asked.process.working_directory = "/etc/passwd";
    EXPECT_TRUE(run(asked).failed);
}

} // namespace
} // namespace davit::shim::testing
