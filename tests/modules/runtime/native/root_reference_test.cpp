#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/modules/runtime/native/container_fixture.h"

namespace davit::shim::testing {
namespace {

class root_reference : public container_test {
  protected:
    shim_client::outcome launched(const launch_plan& asked) {
        auto result = shim_->launch(shim_->make_sandbox(usual()).id, asked);
        for (const int stream : {result.stdin_writer, result.output, result.errors})
            if (stream >= 0) close(stream);
        return result;
    }
    std::string overlays_of_the_shim() {
        shim_->ask(message_type::list, {}); // all that came before is done when this is answered
        return host_says("ls -l /proc/" + std::to_string(shim_->pid()) + "/fd | grep -c -- '-> /$'");
    }
};

TEST_F(root_reference, keeps_the_root_mounted_after_the_process) {
    const auto asked = plan("echo kept > /file");
    const auto result = launched(asked);
    ASSERT_FALSE(result.failed);
    EXPECT_EQ(shim_->wait(asked.container_id).code, 0);
    EXPECT_FALSE(shim_->release(asked.container_id));
    struct statfs facts{};
    ASSERT_EQ(fstatfs(result.root.get(), &facts), 0);
    EXPECT_EQ(facts.f_type, OVERLAYFS_SUPER_MAGIC);
    const io::descriptor file{openat(result.root.get(), "file", O_RDONLY | O_CLOEXEC)};
    char text[8] = {};
    EXPECT_EQ(read(file.get(), text, sizeof text), 5);
    EXPECT_STREQ(text, "kept\n");
}

TEST_F(root_reference, is_the_engines_alone) {
    const auto asked = plan("for fd in /proc/self/fd/*; do readlink $fd; done > /seen; sleep 1000");
    const auto result = launched(asked);
    ASSERT_TRUE(static_cast<bool>(result.root));
    EXPECT_EQ(overlays_of_the_shim(), "0\n");
    shim_->ask(message_type::signal, encode(shim_protocol::signal_request{asked.container_id, 9, false}));
    EXPECT_EQ(shim_->wait(asked.container_id).code, 137);
    EXPECT_FALSE(shim_->release(asked.container_id));
    EXPECT_EQ(host_says("grep -x / " + asked.rootfs.host_upper + "/seen"), "");
}

TEST_F(root_reference, is_not_given_where_it_is_one_descriptor_too_many_or_of_no_use) {
    auto asked = plan("true");
    asked.process.wants_stdin = true;
    EXPECT_FALSE(static_cast<bool>(launched(asked).root));
    asked = plan("true");
    asked.rootfs.host_upper.clear();
    asked.rootfs.host_work.clear();
    EXPECT_FALSE(static_cast<bool>(launched(asked).root));
    EXPECT_EQ(overlays_of_the_shim(), "0\n");
}

} // namespace
} // namespace davit::shim::testing
